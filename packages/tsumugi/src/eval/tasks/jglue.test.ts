// The JGLUE tasks: their files as they are published, prompts, scores, and what is said about a broken row.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { SampleRecord, Task } from '../task.ts';
import choices, { readQuestions as readCommonsense } from './jcommonsenseqa.ts';
import jnli, { readPairs as readInferences } from './jnli.ts';
import jsquad, { readQuestions as readSquad } from './jsquad.ts';
import jsts, { readPairs as readSimilarities } from './jsts.ts';
import { dataFolder, fakeContext, requiresFiles, shared } from './tasks.testing.ts';

const file = (name: string, split = 'valid') => `jglue/datasets/${name}-v1.3/${split}-v1.3.json`;
const [byProbability, byNumber] = choices as Task[] as [Task, Task];
const lines = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const commonsense = (id: number, label: unknown = id % 5) => ({
  q_id: id,
  question: `問${id}`,
  label,
  ...Object.fromEntries([0, 1, 2, 3, 4].map((i) => [`choice${i}`, `${'甲乙丙丁戊'[i]}${id}`])),
});
const many = (n: number) => Array.from({ length: n }, (_, i) => commonsense(i));

it('shows examples of the training file, else of the test file, else keeps the last 16 from being asked', async () => {
  const run = async (files: Record<string, string>) => {
    using folder = dataFolder(files);
    const context = fakeContext(byNumber, folder.path, { write: () => '0' });
    const { records, settings } = await byNumber.run(context);
    return { asked: records.length, ...settings, prompt: String((context.asked[0] as { prompt: string }).prompt) };
  };
  const valid = { [file('jcommonsenseqa')]: lines(many(20)) };
  const test = { [file('jcommonsenseqa', 'test')]: lines([commonsense(77)]) };
  const train = { [file('jcommonsenseqa', 'train')]: lines([commonsense(88), commonsense(89)]) };
  const all = await run({ ...valid, ...test, ...train });
  expect(all).toMatchObject({ asked: 20, shots: 2, examples: 'first of train-v1.3.json' });
  expect(all.prompt).toContain('質問：問88');
  expect(await run({ ...valid, ...test })).toMatchObject({ asked: 20, shots: 1, examples: 'first of test-v1.3.json' });
  const alone = await run(valid);
  expect(alone).toMatchObject({ asked: 4, shots: 4, examples: 'last 16 of valid-v1.3.json, not asked' });
  expect(alone.prompt).toContain('質問：問4\n');
});

it('has JCommonsenseQA answered with a number, in the words of llm-jp-eval', async () => {
  using folder = dataFolder({
    [file('jcommonsenseqa')]: lines([commonsense(3), commonsense(4)]),
    [file('jcommonsenseqa', 'train')]: lines([commonsense(7)]),
  });
  const context = fakeContext(byNumber, folder.path, { write: () => '３\n\n' });
  const { records } = await byNumber.run(context);
  expect((context.asked[0] as { prompt: string }).prompt).toBe(
    '以下は、タスクを説明する指示と、文脈のある入力の組み合わせです。要求を適切に満たす応答を書きなさい。\n\n### 指示:\n質問と回答の選択肢を入力として受け取り、選択肢から回答を選択してください。なお、回答は選択肢の番号（例：0）でするものとします。 回答となる数値をint型で返し、他には何も含めないことを厳守してください。\n\n### 入力:\n質問：問7\n選択肢：0.甲7,1.乙7,2.丙7,3.丁7,4.戊7\n\n### 応答:\n2\n\n### 入力:\n質問：問3\n選択肢：0.甲3,1.乙3,2.丙3,3.丁3,4.戊3\n\n### 応答:\n',
  );
  expect(records.map(({ id, metrics }) => [id, metrics['exact_match']])).toEqual([
    ['3', 1],
    ['4', 0],
  ]);
});

it('takes the likeliest text of JCommonsenseQA, by every normalisation', async () => {
  using folder = dataFolder({ [file('jcommonsenseqa')]: lines(many(18)) });
  const context = fakeContext(byProbability, folder.path, {
    choose: (prompt) => (prompt.endsWith('### 応答:\n') ? 1 : 0),
  });
  const { records, settings } = await byProbability.run(context);
  expect(records.map(({ metrics }) => metrics)).toEqual([
    { acc: 0, acc_norm: 0, acc_bytes: 0, acc_tokens: 0, acc_pmi: 0 },
    { acc: 1, acc_norm: 1, acc_bytes: 1, acc_tokens: 1, acc_pmi: 1 },
  ]);
  expect(context.asked[0]).toMatchObject({ choices: ['甲0', '乙0', '丙0', '丁0', '戊0'] });
  expect((context.asked[0] as { prompt: string }).prompt).toContain(
    '質問：問0\n選択肢：甲0、乙0、丙0、丁0、戊0\n\n### 応答:\n',
  );
  expect(settings).toMatchObject({ shots: 4, wording: 'ours' });
});

it('scores JNLI by the label', async () => {
  const pair = (id: number, label: string) => ({
    sentence_pair_id: String(id),
    sentence1: `前${id}`,
    sentence2: `仮${id}`,
    label,
  });
  using folder = dataFolder({
    [file('jnli')]: lines([pair(0, 'neutral'), pair(1, 'entailment')]),
    [file('jnli', 'train')]: lines([pair(9, 'contradiction')]),
  });
  const context = fakeContext(jnli, folder.path, { write: () => 'neutral' });
  const { records } = await jnli.run(context);
  expect((context.asked[0] as { prompt: string }).prompt).toMatch(
    /- そのいずれでもない場合はneutralと出力\n\n### 入力:\n前提：前9\n仮説：仮9\n\n### 応答:\ncontradiction\n\n### 入力:\n前提：前0\n仮説：仮0\n\n### 応答:\n$/,
  );
  expect(records.map(({ metrics, groups }) => [metrics['exact_match'], groups])).toEqual([
    [1, ['neutral']],
    [0, ['entailment']],
  ]);
});

it('correlates the scores of JSTS', async () => {
  const pair = (id: number, label: number) => ({
    sentence_pair_id: String(id),
    sentence1: `甲${id}`,
    sentence2: `乙${id}`,
    label,
  });
  using folder = dataFolder({
    [file('jsts')]: lines([pair(0, 0), pair(1, 2.4), pair(2, 4), pair(3, 5)]),
    [file('jsts', 'train')]: lines([pair(9, 3)]),
  });
  const context = fakeContext(jsts, folder.path, {
    write: (prompt) => ['0.5', '2', '3点', '不明'][Number(/文1：甲(\d)\n.*\n\n### 応答:\n$/.exec(prompt)![1])]!,
  });
  const { records, aggregate } = await jsts.run(context);
  expect((context.asked[0] as { prompt: string }).prompt).toContain('文1：甲9\n文2：乙9\n\n### 応答:\n3.0\n');
  expect(records.map(({ metrics }) => [metrics['predicted'], metrics['expected']])).toEqual([
    [0.5, 0],
    [2, 2.4],
    [3, 4],
    [-2, 5],
  ]);
  const metrics = Object.fromEntries(Object.entries(aggregate!).map(([name, take]) => [name, take(records)]));
  // By hand: means 0.875 and 2.85; Σxy = −3.175, Σxx = 14.1875, Σyy = 14.27. Ranks 2 3 4 1 against 1 2 3 4.
  expect(metrics['pearson']).toBeCloseTo(-3.175 / Math.sqrt(14.1875 * 14.27), 12);
  expect(metrics['spearman']).toBeCloseTo(-0.2, 12);
  expect(metrics['unreadable']).toBe(0.25);
  expect(
    aggregate!['pearson']!(
      records.map((record): SampleRecord => ({ ...record, metrics: { predicted: 1, expected: 2 } })),
    ),
  ).toBeNaN();
});

it('scores JSQuAD by char_f1 against the first answer', async () => {
  const document = {
    data: [
      {
        title: '題',
        paragraphs: [
          {
            context: '題 [SEP] 本文。',
            qas: [
              { id: 'a', question: '問一', answers: [{ text: '東京都' }, { text: '京都' }] },
              { id: 'b', question: '問二', answers: [{ text: '京都' }] },
            ],
          },
        ],
      },
    ],
  };
  using folder = dataFolder({
    [file('jsquad')]: JSON.stringify(document),
    [file('jsquad', 'train')]: JSON.stringify(document).replaceAll(/"([ab])"/g, '"train $1"'),
  });
  const context = fakeContext(jsquad, folder.path, { write: () => '京都' }, { shots: 1 });
  const { records } = await jsquad.run(context);
  expect((context.asked[1] as { prompt: string }).prompt).toMatch(
    /### 入力:\n文章：題 \[SEP\] 本文。\n質問：問一\n\n### 応答:\n東京都\n\n### 入力:\n文章：題 \[SEP\] 本文。\n質問：問二\n\n### 応答:\n$/,
  );
  expect(context.asked[0]).toMatchObject({ maxTokens: 25 });
  expect(records.map(({ metrics }) => metrics)).toEqual([
    { char_f1: 0.8, exact_match: 0 },
    { char_f1: 1, exact_match: 1 },
  ]);
});

it('refuses examples that are samples, and samples of one id', async () => {
  const rows = lines([0, 1, 2].map((id) => commonsense(id)));
  using copied = dataFolder({ [file('jcommonsenseqa')]: rows, [file('jcommonsenseqa', 'train')]: rows });
  await expect(byNumber.run(fakeContext(byNumber, copied.path, {}, { shots: 1 }))).rejects.toThrow(
    /train-v1\.3\.json and .*valid-v1\.3\.json both hold the sample "0"/,
  );
  using twice = dataFolder({ [file('jcommonsenseqa')]: lines([commonsense(0), commonsense(1), commonsense(0)]) });
  await expect(byNumber.run(fakeContext(byNumber, twice.path, {}))).rejects.toThrow(
    /valid-v1\.3\.json: samples 1 and 3 have the same id, "0"/,
  );
});

it('names file, row and field of a malformed row, and where a missing file comes from', async () => {
  using folder = dataFolder({ [file('jcommonsenseqa')]: lines([commonsense(0), commonsense(1, 5)]) });
  const context = fakeContext(byNumber, folder.path, {});
  await expect(byNumber.run(context)).rejects.toThrow(
    `${join(folder.path, file('jcommonsenseqa'))}, row 2: "label" should be a number from 0 to 4 but is 5`,
  );
  await expect(jnli.run(fakeContext(jnli, folder.path, {}))).rejects.toThrow(
    'does not exist. It comes from github.com/yahoojapan/JGLUE, datasets/jnli-v1.3 (licence: CC BY-SA 4.0)',
  );
});

it(
  'reads the published files',
  requiresFiles(shared, ...['jcommonsenseqa', 'jnli', 'jsts', 'jsquad'].map((name) => file(name))),
  () => {
    const at = (name: string, split?: string) => join(shared, file(name, split));
    const commonsenses = readCommonsense(at('jcommonsenseqa'));
    expect(commonsenses).toHaveLength(1119);
    expect(commonsenses[0]).toEqual({
      id: '8939',
      question: '電子機器で使用される最も主要な電子回路基板の事をなんと言う？',
      choices: ['掲示板', 'パソコン', 'マザーボード', 'ハードディスク', 'まな板'],
      label: 2,
    });
    expect(commonsenses.at(-1)).toMatchObject({ id: '10057', label: 2 });
    const inferences = readInferences(at('jnli'));
    expect(inferences).toHaveLength(2434);
    expect(inferences.at(-1)).toMatchObject({
      id: '2433',
      input: '前提：大きなプロペラ機のオブジェがあります。\n仮説：広場にプロペラ飛行機のオブジェが飾られています。',
      output: 'neutral',
    });
    const similarities = readSimilarities(at('jsts'));
    expect(similarities).toHaveLength(1457);
    expect([similarities[0]!.output, similarities.at(-1)!.output]).toEqual(['0.0', '4.2']);
    const squad = readSquad(at('jsquad'));
    expect(squad).toHaveLength(4442);
    expect(new Set(squad.map(({ id }) => id)).size).toBe(4442);
    expect(squad[0]).toMatchObject({ id: 'a10336p0q0', output: '小笠原諸島' });
    expect(squad.at(-1)).toMatchObject({ id: 'a95156p6q3', output: '日本' });
  },
);
