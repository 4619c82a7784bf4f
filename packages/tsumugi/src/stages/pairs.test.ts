// The stage of pairs: every setting reaches the making behind it, and so do its inputs; what tells its artefacts apart, and its forecast.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it, vi } from 'vitest';
import { preset } from '../lm/index.ts';
import { makePairs } from '../synth/index.ts';
import { dpo, pairs } from './index.ts';
import { given, runStage } from './stages.testing.ts';

vi.mock('../synth/index.ts', async (original) => ({ ...(await original<object>()), makePairs: vi.fn() }));
const made = vi.mocked(makePairs);
beforeEach(() => {
  made.mockReset(); // it returns a function, which would be taken for a clean-up
});
const folder = mkdtempSync(join(tmpdir(), 'tsumugi-pairs-stage-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** None of them the default. */
const all = {
  template: 'chatml',
  score: 'judge',
  field: 'model',
  judgeModel: 'j',
  judgeEndpoint: 'http://localhost:1/v1',
  judgeApiKeyEnv: 'KEY',
  samples: 3,
  pairsPerPrompt: 2,
  limit: 9,
  maxTokens: 7,
  temperature: 0.7,
  topP: 0.9,
  seed: 4,
  slots: 5,
  device: 'cuda',
  dtype: 'bfloat16',
} as const;
const counts = {
  folder: 'f',
  repeated: 0,
  prompts: 10,
  pairs: 6,
  answers: 30,
  tokens: 90,
  cutOff: 2,
  scored: 27,
  failed: 1,
  meanScore: 0.5,
  meanTokens: 12,
  distinct: 2.5,
  passAt1: 0.4,
  passAtAll: 0.8,
  withoutPair: { cutOff: 1, empty: 0, notScored: 0, same: 0, equal: 3 },
};

it('hands on all that it is given, and reports what came of it', async () => {
  const defaults = pairs.config.parse({});
  expect(Object.keys({ ...all, task: '' }).sort()).toEqual(Object.keys(pairs.config.shape).sort());
  for (const [key, value] of Object.entries(all))
    expect(defaults[key as keyof typeof defaults], key).not.toEqual(value);
  made.mockResolvedValue(counts);
  const prompts = [{ ...given('a.jsonl'), paths: ['a.jsonl', 'b.jsonl'] }, given('c.jsonl')];
  const inputs = { model: given('base'), prompts, rewardModel: [given('judge')] };
  const outcome = await runStage(pairs, all, inputs, 'here');
  expect(made.mock.calls[0]![0]).toEqual({
    ...all,
    model: 'base',
    prompts: ['a.jsonl', 'b.jsonl', 'c.jsonl'],
    rewardModel: 'judge',
    out: 'here',
  });
  const { metrics, tables } = outcome as { metrics: { name: string; value: number }[]; tables: { rows: unknown[] }[] };
  expect(Object.fromEntries(metrics.map(({ name, value }) => [name, value]))).toEqual({
    examples: 6,
    'tokens of an example': 12,
    prompts: 10,
    'prompts without a pair': 4,
    'mean score': 0.5,
    'pass@1': 0.4,
    'pass@3': 0.8,
    'different answers to a prompt': 2.5,
    'answers cut off': 2,
    'answers without a score': 1,
    'tokens written': 90,
  });
  expect(tables[0]!.rows.at(-1)).toEqual(['all scores are equal', 3]);
});

it('ends the work at Ctrl-C, and says that it was interrupted', async () => {
  made.mockImplementation(async (_, options) => {
    process.emit('SIGINT', 'SIGINT');
    options!.signal!.throwIfAborted();
    return counts;
  });
  expect(await runStage(pairs, {}, { model: given('base'), prompts: [given('a')], rewardModel: [] }, 'here')).toEqual({
    interrupted: true,
  });
});

it('is told apart by a judge that is a file here, by a task, and by a template from a file', async () => {
  const at = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const uses = (config: object) => pairs.uses!(pairs.config.parse(config));
  const judge = async (content: string) => await uses({ score: 'judge', judgeModel: at('judge.gguf', content) });
  expect(await judge('a')).not.toEqual(await judge('b'));
  expect(Object.keys(await judge('a'))).toEqual(['judge']);
  const task = (score: string) =>
    `export default { kind: 'generate', name: 'own', version: 1, summary: 's', metric: 'm', samples: async () => ({ samples: [], shots: [] }), prompt: () => '', reference: () => '', score: () => ({ m: ${score} }), run: async () => {} };`;
  const own = async (name: string, score: string) => await uses({ score: 'task', task: at(name, task(score)) });
  expect(await own('one.mjs', '1')).not.toEqual(await own('two.mjs', '2'));
  expect(Object.keys(await uses({ template: at('t.jinja', 'x') }))).toEqual(['template']);
  expect(await uses({})).toEqual({});
});

const forecast = (config: object, metrics: object = {}, bytes = 20_000) =>
  pairs.forecast({
    config: pairs.config.parse({ maxTokens: 100, ...config }),
    inputs: {
      model: { ...given('none'), metrics: {}, about: preset('mini') as never },
      prompts: [{ ...given('a.jsonl'), bytes, metrics: metrics as never, about: undefined }],
      rewardModel: [],
    },
  });

it('forecasts what later stages need of pairs that are not made yet', async () => {
  const foreseen = await forecast({}, { examples: 400 });
  expect(foreseen.metrics).toEqual({ examples: 200, 'tokens of an example': 13 + 50 });
  expect(foreseen.seconds).toBeGreaterThan(0);
  const double = await forecast({ limit: 200 }, { examples: 400 });
  expect(double.metrics!['examples']).toBe(100);
  expect(double.diskBytes / foreseen.diskBytes).toBeCloseTo(0.5, 2);
  const learning = await dpo.forecast({
    config: dpo.config.parse({ epochs: 1, batchSize: 10, sequenceLength: 512 }),
    inputs: {
      model: { ...given('none'), metrics: {}, about: preset('mini') as never },
      pairs: { ...given('later'), bytes: 0, metrics: foreseen.metrics as never, about: undefined },
      heldOut: [],
    },
  });
  expect(learning.metrics).toMatchObject({ steps: 20 });
  expect(learning.seconds).toBeGreaterThan(0);
  for (const { what, bytes } of learning.memory) expect(bytes, what).toBeGreaterThan(0);
});
