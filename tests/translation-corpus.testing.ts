// A small corpus for recipes/translate-ja.ts, of made-up words.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from '../packages/tsumugi/src/base/index.ts';
import type { Pair } from '../recipes/translation/corpus.ts';

/** A word of letters. */
const wordOf = (letters: string, length: number, random: RandomStream): string =>
  Array.from({ length }, () => letters[random.below(letters.length)]).join('');

/** Packages in two versions, each with sentences of its own, which the older one ends otherwise. */
export function writeCorpus(folder: string, change: { documents?: string } = {}): void {
  mkdirSync(folder, { recursive: true });
  const random = new RandomStream(3);
  const rows: Pair[] = [];
  for (const name of 'ABCDEFGHIJKLMNOPQRSTUVWX')
    for (let i = 0; i < 8; i++) {
      const en = Array.from({ length: 4 }, () => wordOf('aeioukstnhmr', 3 + random.below(5), random)).join(' ');
      const ja = wordOf('アイウエオカキクケコをがはにのでと木林森山川日月', 12 + random.below(9), random);
      rows.push({ source: `tool-${name}-1`, en, ja: `${ja}よ` }, { source: `tool-${name}-2`, en, ja: `${ja}。` });
    }
  const lines = (values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  writeFileSync(join(folder, 'en-ja-pairs.jsonl'), lines(rows));
  writeFileSync(
    join(folder, 'package-descriptions.jsonl'),
    lines([['shell', 'A shell that completes the words of people', '人々の言葉を補うシェルです。']]),
  );
  const documents = Array.from('abcdefghijkl', (name, i) => ({
    source: `doc-${name}`,
    text: `第${i}章\n${rows[i * 32]!.ja}\n${wordOf('あいうえおかきくけこさしすせそ海空', 40, random)}\n`,
  }));
  writeFileSync(join(folder, 'ja-docs.jsonl'), change.documents ?? lines(documents));
}
