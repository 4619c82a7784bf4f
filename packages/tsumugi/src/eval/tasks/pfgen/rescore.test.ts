// Scoring stored answers of a small benchmark: files, cache, means, mistakes. The published results are in published.test.ts.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { temporaryFolder, toyReferences, writeToyBenchmark } from './pfgen.testing.ts';
import { rescorePfgen } from './rescore.ts';

const row = (question: string, answer: string) => `${JSON.stringify({ question, answer, timestamp: '2024-08-13' })}\n`;
const trial = (change: (answer: string) => string) =>
  toyReferences.map(({ question, answer }) => row(question, change(answer))).join('');
const trials = [trial((answer) => answer), trial((answer) => answer.slice(0, 5)), trial(() => 'よい🍣')];

function toyFolder() {
  const folder = temporaryFolder();
  writeToyBenchmark(folder.at('data'));
  writeFileSync(folder.at('trials.jsonl'), trials.join(''));
  return folder;
}

describe('rescorePfgen', () => {
  it('gives the means of its parts', async () => {
    using folder = toyFolder();
    writeFileSync(folder.at('config.json'), '{"model": "toy"}');
    const seen: string[] = [];
    const result = await rescorePfgen({
      questions: folder.path,
      answers: folder.at('trials.jsonl'),
      cacheFolder: null,
      onProgress: ({ question, done, total, cached }) => seen.push(`${question} ${done}/${total} ${cached}`),
    });
    expect(seen).toHaveLength(6);
    expect(seen[5]).toBe('Q06 6/6 false');
    expect(result.num_trials).toBe(3);
    expect(result.config).toEqual({ model: 'toy' });
    expect(result.input_hash).toBe(createHash('sha1').update(trials.join('')).digest('hex'));
    expect(result.fluency).toBeCloseTo(result.scores.fluency['P']! + result.scores.fluency['T']!, 5);
    expect(result.score).toBeCloseTo((result.fluency + result.truthfulness + result.helpfulness) / 3, 3);
    expect(result.questions['Q01']!.samples.map(({ answer }) => answer)[0]).toBe(toyReferences[0]!.answer);
    // The third trial's answers have three characters each, not four UTF-16 units.
    const lengths = toyReferences.flatMap(({ answer }) => [answer.length, 5, 3]);
    expect(result.length).toBe(Math.round((lengths.reduce((a, b) => a + b) / 18) * 10) / 10);
  });

  it('takes groups and questions by the names they have, be they those of prototypes', async () => {
    using folder = temporaryFolder();
    writeToyBenchmark(folder.path);
    const rename = (from: string, to: string) => {
      const content = readFileSync(folder.at('Q01.json'), 'utf8').replaceAll(from, to);
      writeFileSync(folder.at('Q01.json'), content);
    };
    const plain = await rescorePfgen({
      questions: folder.path,
      answers: folder.at('questions.jsonl'),
      cacheFolder: null,
    });
    rename('"Q01"', '"__proto__"');
    rename('"P":', '"constructor":');
    const odd = await rescorePfgen({
      questions: folder.path,
      answers: folder.at('questions.jsonl'),
      cacheFolder: null,
    });
    expect([odd.score, odd.fluency, odd.truthfulness, odd.helpfulness]).toEqual([
      ...[plain.score, plain.fluency, plain.truthfulness, plain.helpfulness],
    ]);
    expect(Object.keys(odd.questions)).toContain('__proto__');
    expect(Object.keys(odd.scores.fluency).sort()).toEqual(['P', 'T', 'constructor']);
    rename('"constructor":', '"__proto__":');
    const worse = await rescorePfgen({
      questions: folder.path,
      answers: folder.at('questions.jsonl'),
      cacheFolder: null,
    });
    expect(Object.keys(worse.scores.truthfulness).sort()).toEqual(['P', 'T', '__proto__']);
    expect(worse.fluency).toBe(plain.fluency);
  });

  it('reads compressed files, and trials one by one', async () => {
    using folder = toyFolder();
    const score = (answers: string) => rescorePfgen({ questions: folder.path, answers, cacheFolder: null });
    const { input_hash: _, ...whole } = await score(folder.at('trials.jsonl'));
    writeFileSync(folder.at('packed.jsonl.gz'), gzipSync(readFileSync(folder.at('trials.jsonl'))));
    expect(await score(folder.at('packed.jsonl.gz'))).toMatchObject(whole);
    mkdirSync(folder.at('run'));
    for (const [i, text] of trials.entries()) writeFileSync(folder.at('run', `trial_00${i + 1}.jsonl`), text);
    expect(await score(folder.at('run'))).toMatchObject(whole);
    expect(await score(folder.path)).toMatchObject(whole);
  });

  it('takes the fewest trials where questions differ', async () => {
    using folder = toyFolder();
    const extra = row(toyReferences[0]!.question, '春');
    writeFileSync(folder.at('trials.jsonl'), trials.slice(0, 2).join('') + extra);
    const result = await rescorePfgen({
      questions: folder.path,
      answers: folder.at('trials.jsonl'),
      cacheFolder: null,
    });
    expect(result.num_trials).toBe(2);
    expect(result.questions['Q01']!.samples).toHaveLength(3);
  });
});

describe('the tables on disk', () => {
  it('give the same result, and are made anew when they are broken or of another question', async () => {
    using folder = toyFolder();
    const cacheFolder = folder.at('cache');
    const score = async () => {
      let cached = 0;
      const result = await rescorePfgen({
        questions: folder.path,
        answers: folder.at('trials.jsonl'),
        cacheFolder,
        onProgress: (progress) => (cached += Number(progress.cached)),
      });
      return { result, cached };
    };
    const first = await score();
    expect(first.cached).toBe(0);
    expect(await score()).toEqual({ ...first, cached: 6 });
    const files = readdirSync(cacheFolder);
    expect(files).toHaveLength(6);
    const [cut, changed, empty] = files.map((name) => folder.at('cache', name));
    const bytes = readFileSync(changed!);
    writeFileSync(cut!, readFileSync(cut!).subarray(0, 100));
    writeFileSync(changed!, bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 255));
    writeFileSync(empty!, '');
    expect(await score()).toEqual({ ...first, cached: 3 });
    expect(await score()).toEqual({ ...first, cached: 6 });
    const question = JSON.parse(readFileSync(folder.at('data', 'Q01.json'), 'utf8'));
    question.answers.P.push('別の文です。');
    writeFileSync(folder.at('data', 'Q01.json'), JSON.stringify(question));
    const other = await score();
    expect(other.cached).toBe(5);
    expect(other.result.metadata_hash).not.toBe(first.result.metadata_hash);
  });

  it('are done without where they cannot be written', async () => {
    using folder = toyFolder();
    writeFileSync(folder.at('cache'), 'a file in the place of the folder');
    const options = { questions: folder.path, answers: folder.at('trials.jsonl') };
    const result = await rescorePfgen({ ...options, cacheFolder: folder.at('cache') });
    expect(result).toEqual(await rescorePfgen({ ...options, cacheFolder: null }));
  });
});

describe('mistakes', () => {
  async function mistake(content: string | Buffer) {
    using folder = toyFolder();
    writeFileSync(folder.at('trials.jsonl'), content);
    const answers = folder.at('trials.jsonl');
    return await rescorePfgen({ questions: folder.path, answers, cacheFolder: null }).then(
      () => undefined,
      (error) => error,
    );
  }

  it('name file, row and field', async () => {
    expect(await mistake(`${trials[0]}\n{"question": `)).toMatchObject({ code: 'bad-answer', fields: { row: 8 } });
    expect(await mistake(`${trials[0]}[]`)).toMatchObject({ code: 'bad-answer', fields: { row: 7 } });
    expect(await mistake('{"answer": "a"}')).toMatchObject({ fields: { row: 1, field: 'question' } });
    const { question } = toyReferences[0]!;
    expect(await mistake(JSON.stringify({ question, answer: null }))).toMatchObject({
      message: expect.stringMatching(/trials\.jsonl, row 1 has no text in "answer"/),
      fields: { row: 1, field: 'answer' },
    });
    expect(await mistake(Buffer.from(trials[0]!).with(40, 255) as Buffer)).toMatchObject({ code: 'not-utf8' });
    expect(await mistake(row('春とは何ですか', 'a'))).toMatchObject({
      code: 'unknown-question',
      message: expect.stringMatching(/row 1.*Did you mean "春とは何ですか？"/s),
    });
  });

  it('are refused where questions have no answer', async () => {
    expect(await mistake(row(toyReferences[0]!.question, '春'))).toMatchObject({
      code: 'missing-answers',
      fields: { missing: ['Q02', 'Q03', 'Q04', 'Q05', 'Q06'] },
    });
    using folder = toyFolder();
    rmSync(folder.at('trials.jsonl'));
    const score = (answers: string) => rescorePfgen({ questions: folder.path, answers, cacheFolder: null });
    await expect(score(folder.path)).rejects.toMatchObject({ code: 'no-answers' });
    await expect(score(folder.at('no.jsonl'))).rejects.toMatchObject({ code: 'no-such-file' });
    writeFileSync(folder.at('a.jsonl'), trials[0]!);
    writeFileSync(folder.at('config.json'), '{');
    await expect(score(folder.at('a.jsonl'))).rejects.toMatchObject({ code: 'not-json' });
  });
});
