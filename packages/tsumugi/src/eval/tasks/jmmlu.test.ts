// JMMLU: every row of the published files, subjects, prompts, and a broken row.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Task } from '../task.ts';
import tasks, { readSubject } from './jmmlu.ts';
import { dataFolder, fakeContext, requiresFiles, shared } from './tasks.testing.ts';

const [choices, generate, japan] = tasks as [Task, Task, Task];
const subject = (name: string, n: number) =>
  `\ufeff${Array.from(
    { length: n },
    (_, i) => `"${name}の
問${i}",甲,乙,丙,"丁,戊",${'ABCD'[i % 4]}`,
  ).join('\n')}\n`;

/** All subjects with 7 questions, the last five of which are examples. */
const folderOf = (task: Task) =>
  dataFolder(
    Object.fromEntries(task.data!.files.map((file) => [file, subject(file.split('/').at(-1)!.slice(0, -4), 7)])),
  );

it('asks one question of each subject in turn, after examples of that subject', async () => {
  using folder = folderOf(choices);
  const context = fakeContext(
    choices,
    folder.path,
    { choose: (_prompt, letters) => letters.indexOf('B') },
    { shots: 1 },
  );
  const { records, settings } = await choices.run(context);
  expect(choices.data!.files).toHaveLength(53);
  expect(records).toHaveLength(106);
  expect(records.slice(0, 2).map(({ id }) => id)).toEqual(['abstract_algebra/1', 'anatomy/1']);
  expect(records[53]).toMatchObject({
    id: 'abstract_algebra/2',
    metrics: { acc: 1 },
    groups: ['abstract_algebra', 'translated'],
  });
  expect(records[0]!.metrics['acc']).toBe(0);
  expect(context.asked[0]).toMatchObject({ choices: ['A', 'B', 'C', 'D'] });
  expect((context.asked[1] as { prompt: string }).prompt).toMatch(
    /### 入力:\n質問：anatomyの\n問2\n選択肢：A\.甲,B\.乙,C\.丙,D\.丁,戊\n\n### 応答:\nC\n\n### 入力:\n質問：anatomyの\n問0\n選択肢：A\.甲,B\.乙,C\.丙,D\.丁,戊\n\n### 応答:\n$/,
  );
  expect(settings).toMatchObject({ shots: 1, examples: 'last 5 of each subject, not asked' });
  expect(new Set(records.flatMap(({ groups = [] }) => groups[1]!))).toEqual(new Set(['translated', 'japan-specific']));
});

it('reads the letter that is written', async () => {
  using folder = folderOf(generate);
  const { records, settings } = await generate.run(
    fakeContext(generate, folder.path, { write: () => 'Ａ' }, { limit: 54 }),
  );
  expect(records.map(({ metrics }) => metrics['exact_match'])).toEqual([...Array(53).fill(1), 0]);
  expect(settings).toMatchObject({ shots: 4, maxTokens: 1 });
});

it('refuses more examples than a subject keeps', async () => {
  using folder = folderOf(choices);
  await expect(choices.run(fakeContext(choices, folder.path, {}, { shots: 6 }))).rejects.toThrow(
    '--shots 6 asks for more examples than the 5',
  );
});

it('names the folder of the subjects under the other licence', async () => {
  using folder = dataFolder(
    Object.fromEntries(
      ['japanese_history', 'world_history'].map((name) => [`jmmlu/JMMLU/${name}.csv`, subject(name, 7)]),
    ),
  );
  await expect(japan.run(fakeContext(japan, folder.path, {}))).rejects.toThrow(
    /japanese_idiom\.csv does not exist.*CC BY-NC-ND 4\.0/s,
  );
});

it('names a malformed row', () => {
  using folder = dataFolder({ 'x.csv': '問,甲,乙,丙,丁,A\n問,甲,乙,丙,丁,E\n' });
  expect(() => readSubject(join(folder.path, 'x.csv'))).toThrow(
    'x.csv, row 2: "answer" should be one of A, B, C, D but is "E"',
  );
});

it('reads the published files', requiresFiles(shared, 'jmmlu/JMMLU/marketing.csv'), () => {
  const all = choices.data!.files.flatMap((file) => readSubject(join(shared, file)));
  expect(all).toHaveLength(7097);
  expect(new Set(all.map(({ id }) => id)).size).toBe(7097);
  expect(all.filter(({ groups }) => groups![1] === 'japan-specific')).toHaveLength(300);
  // With and without a byte order mark; a field that holds commas and quotes.
  expect(all.find(({ id }) => id === 'marketing/1')!.input).toMatch(
    /^質問：_____________は.*選択肢：A\.理解の領域,B\.個人的な売り込み,C\.ノイズ,D\.フィードバック$/s,
  );
  expect(all.find(({ id }) => id === 'japanese_history/1')).toMatchObject({ output: 'B' });
  expect(all.find(({ id }) => id === 'high_school_mathematics/2')!.input).toContain('"強力な "と呼ばれる');
});
