// Tools of the pfgen tests: random texts, and a small benchmark on the disk.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream } from '../../../base/index.ts';

/** A folder that is removed when disposed. */
export function temporaryFolder(): Disposable & { path: string; at(...parts: string[]): string } {
  const path = mkdtempSync(join(tmpdir(), 'tsumugi-pfgen-'));
  return {
    path,
    at: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Texts over few characters, so that n-grams repeat; astral ones, signs that are skipped, `^` and `$` among them. */
export function randomTexts(seed: number, lengths: readonly number[], alphabet = 'あいうえ猫🍣𠮷、。^$'): string[] {
  const stream = new RandomStream(seed);
  const characters = Array.from(alphabet);
  return lengths.map((length) => Array.from({ length }, () => characters[stream.below(characters.length)]!).join(''));
}

export const toyReferences = ['春', '夏', '秋', '冬', '月', '雪'].map((season, i) => ({
  question: `${season}とは何ですか？`,
  answer: `${season}は、${'とても'.repeat(i + 1)}よいものです。`,
}));

/** Writes a benchmark of six questions into `folder`: Q01.json … and questions.jsonl. */
export function writeToyBenchmark(folder: string): void {
  mkdirSync(folder, { recursive: true });
  toyReferences.forEach(({ question, answer }, i) => {
    const id = `Q0${i + 1}`;
    const texts = randomTexts(i, [30, 40, 0, 50], 'とてもよいのはです。');
    const content = {
      question_id: id,
      question,
      category: i % 2 === 0 ? 'nature' : 'culture',
      note: '',
      keywords: [{ t: 'よい' }, { or: [{ t: 'もの' }, { t: 'こと' }], importance: 0.5 }],
      answers: { P: [answer, ...texts], ...(i > 2 && { T: texts.toReversed() }) },
    };
    writeFileSync(join(folder, `${id}.json`), JSON.stringify(content));
  });
  writeFileSync(join(folder, 'questions.jsonl'), toyReferences.map((row) => `${JSON.stringify(row)}\n`).join(''));
}
