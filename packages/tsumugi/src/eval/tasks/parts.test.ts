// The parts of every task agree: what a sample's reference is worth, and what the run makes of the same answer.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NEUTRAL_PROMPT } from '../choice.ts';
import { listTasks } from '../registry.ts';
import type { Answer, ChoicesAnswer, Request, RollingAnswer } from '../request.ts';
import { sampleContext } from '../sample-context.ts';
import type { Metrics, Task, TaskContext } from '../task.ts';
import { sentences, toyData } from './data.testing.ts';
import { pfgenTask } from './pfgen/task.ts';

const data = toyData();
const tables = mkdtempSync(join(tmpdir(), 'tsumugi-parts-'));
afterAll(() => {
  data[Symbol.dispose]();
  rmSync(tables, { recursive: true });
});

interface Expected {
  /** A sample's prompt, without examples, with the reference behind it. */
  learnt: RegExp;
  /** Values of the first sample's best answer. */
  best: Metrics;
  /** That answer, where the data have none. */
  answer?: string;
  /** Which value gets worse with a worse answer, where it is not the task's metric. */
  metric?: string;
  options?: Record<string, string>;
}
const one = expect.closeTo(1, 12) as number;
const choice = { best: { acc: 1, acc_norm: 1, acc_bytes: 1, acc_tokens: 1, acc_pmi: 1 } };
const written = { best: { exact_match: 1 } };
const lookup = { best: { accuracy: 1 }, options: { lengths: '512', depths: '0,100', samples: '1' } };
const bits = { best: { 'nats 0': 0, 'characters 0': 1, 'nats 1': 0, 'characters 1': 1 } };
const answered = '\n\n### 応答:\n';

const expected: Record<string, Expected> = {
  jcommonsenseqa: { ...choice, learnt: /質問：問0\n.*応答:\n選択肢0の0$/s },
  'jcommonsenseqa-generate': { ...written, learnt: /質問：問0\n.*応答:\n0$/s },
  jmmlu: { ...choice, learnt: /の問0\n.*応答:\nA$/s },
  'jmmlu-generate': { ...written, learnt: /の問0\n.*応答:\nA$/s },
  'jmmlu-japan': { ...choice, learnt: /の問0\n.*応答:\nA$/s },
  'jmmlu-japan-generate': { ...written, learnt: /の問0\n.*応答:\nA$/s },
  jnli: { ...written, learnt: /前提：文0\n仮説：仮説0\n\n### 応答:\nneutral$/ },
  jsquad: { best: { char_f1: 1, exact_match: 1 }, learnt: /質問：問0\n\n### 応答:\n答え0$/ },
  // The correlation is over all samples; each has the score that was read, and the label, which is 0 here.
  jsts: { best: { predicted: 0, expected: 0 }, metric: 'none', learnt: /文2：仮説0\n\n### 応答:\n0\.0$/ },
  'kanji-reading': { ...choice, learnt: /漢字：(?:(.)上\n読み：\1あじょう|上(.)\n読み：うえ\2い)\n$/ },
  'm-ifeval-ja': {
    answer: '春は暖かい。',
    best: { prompt_strict: 1, prompt_loose: 1, instruction_strict: 1, instruction_loose: 1 },
    learnt: /^読点なしで1$/,
  },
  needle: { ...lookup, learnt: /([^。、\n]+)の金庫の番号は(\d{5})です.*以上の文章によると、\1の金庫の番号は\2$/s },
  'needle-generate': {
    ...lookup,
    learnt: /([^。、\n]+)の金庫の番号は(\d{5})です.*以上の文章によると、\1の金庫の番号は何番.*答え：\2$/s,
  },
  'particle-cloze': { best: { acc: 1 }, learnt: new RegExp(`^(${sentences.join('|')})$`) },
  // All keywords, in 13 characters. What the n-grams are worth depends on the other texts.
  pfgen: {
    best: { helpfulness: 1, length: 13 },
    options: { trials: '1' },
    learnt: /Q: 春とは何ですか？\nA:春は、とてもよいものです。$/,
  },
  phonebook: { ...lookup, learnt: /\n(.+)：(03-\d{4}-\d{4})\n.*\n\1：\2$/s },
  'phonebook-generate': { ...lookup, learnt: /\n(.+)：(03-\d{4}-\d{4})\n.*よると、\1さん.*答え：\2$/s },
  position: { ...bits, options: { lengths: '256,512', samples: '1' }, metric: 'nats 0', learnt: /吾輩は猫である/ },
  text: { best: { bits_per_character: 0, nats: 0 }, learnt: /。/ },
  'translate-en-ja': {
    best: { chrf: one, bleu_char: 1 },
    learnt: new RegExp(`Sentence number (\\d+)\\.${answered}文\\1.語\\1る。$`),
  },
  'translate-ja-en': {
    best: { chrf: one, bleu: 1 },
    learnt: new RegExp(`文(\\d+).語\\d+る。${answered}Sentence number \\1\\.$`),
  },
};

const tasks = (await listTasks()).map((task) => (task.name === 'pfgen' ? pfgenTask(tables) : task));

it('has a row for each task', () => {
  const judged = tasks.filter(({ kind }) => kind === 'judged').map(({ name }) => name);
  expect(judged).toEqual(['ja-mt-bench']);
  expect([...Object.keys(expected), ...judged].sort()).toEqual(tasks.map(({ name }) => name));
});

it('a judged task has prompts and references, and no score without its judge', async () => {
  const task = tasks.find(({ kind }) => kind === 'judged')!;
  const { samples } = await task.samples(sampleContext(task, { dataFolder: data.path, limit: 2 }));
  expect(samples.map(({ id }) => id)).toEqual(['1', '2']);
  expect(task.prompt(samples[0]!)).toEqual([{ role: 'user', content: '詩1' }]);
  expect(task.score).toBeUndefined();
});

const rollingAnswer = (nats: number): RollingAnswer => ({ nats: [nats, 0], tokens: [1, 1], characters: [1, 1] });
const choicesAnswer = (choices: readonly string[], likeliest: string): ChoicesAnswer => ({
  logprobs: choices.map((each) => (each === likeliest ? -0.01 : -99)),
  tokens: choices.map(() => 1),
});
const even = (choices: readonly string[]): ChoicesAnswer =>
  choicesAnswer(
    choices.map(() => ''),
    '',
  );

type Sample = Awaited<ReturnType<Task['samples']>>['samples'][number];

/** The best answer to a sample, and a worse one, as a model gives them; and their values. */
function answersOf(task: Task, sample: Sample): { best: Answer; values: [best: Metrics, worse: Metrics] } {
  if (task.kind === 'generate') {
    const text = task.reference(sample) ?? expected[task.name]!.answer!;
    return { best: { text, finish: 'end' }, values: [task.score(sample, text), task.score(sample, '、')] };
  }
  if (task.kind === 'choices') {
    const choices = task.choices(sample);
    const right = task.reference(sample);
    const best = choicesAnswer(choices, right);
    const worse = choicesAnswer(choices, choices.find((each) => each !== right)!);
    return { best, values: [best, worse].map((each) => task.score(sample, each, even(choices))) as [Metrics, Metrics] };
  }
  if (task.kind === 'judged') throw new Error('a judge is asked');
  const best = rollingAnswer(0);
  return { best, values: [task.score(sample, best), task.score(sample, rollingAnswer(1))] };
}

describe.each(tasks.filter(({ name }) => name in expected).map((task) => [task.name, task] as const))(
  '%s',
  (name, task) => {
    const row = expected[name]!;
    const context = () => sampleContext(task, { dataFolder: data.path, limit: 3, taskOptions: row.options });

    it('gives the reference of a sample the best values', async () => {
      const { samples } = await task.samples(context());
      const [sample] = samples as [Sample];
      expect(`${task.prompt(sample)}${task.reference?.(sample) ?? ''}`).toMatch(row.learnt);
      const [best, worse] = answersOf(task, sample).values;
      expect(best).toMatchObject(row.best);
      const metric = row.metric ?? task.metric;
      if (metric === 'none') return expect(worse).not.toEqual(best);
      if (task.kind === 'rolling') expect(worse[metric]!).toBeGreaterThan(best[metric]!);
      else expect(worse[metric]!).toBeLessThan(best[metric]!);
    });

    it('asks the prompts of its samples, and records their scores', async () => {
      const { samples, shots } = await task.samples(context());
      const prompts = samples.map((sample) => task.prompt(sample, shots));
      const best = new Map(prompts.map((prompt, i) => [JSON.stringify(prompt), answersOf(task, samples[i]!).best]));
      const promptOf = (request: Request) => (request.kind === 'rolling' ? request.text : request.prompt);
      const answer = (request: Request) =>
        request.kind === 'choices' && request.prompt === NEUTRAL_PROMPT
          ? even(request.choices)
          : best.get(JSON.stringify(promptOf(request)))!;
      const ask: TaskContext['ask'] = async (requests) => requests.map(answer) as never;
      const { records } = await task.run({ ...context(), ask, keepTexts: false });
      expect(records.map(({ id }) => id)).toEqual(samples.map(({ id }) => id));
      expect(records.map(({ metrics }) => metrics)).toEqual(samples.map((sample) => answersOf(task, sample).values[0]));
    });
  },
);
