// The stage of GRPO: every setting reaches the training behind it, and so do its inputs and the reward; what it refuses and forecasts.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { RunFolder } from '../run/index.ts';
import { type GrpoSetup, grpoSetup } from '../train/grpo/grpo.testing.ts';
import { pairsOf } from '../train/preference/preference.testing.ts';
import { jsonLines } from '../train/sft.testing.ts';
import { grpo, reward } from './index.ts';
import { expectEverySetting, given, runStage, tuned } from './stages.testing.ts';

let setup: GrpoSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await grpoSetup();
});
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

const { shard: _, ...alone } = tuned;
/** None of them the default. */
const all = {
  ...alone,
  samples: 3,
  maxTokens: 5,
  updates: 2,
  clip: 0.1,
  beta: 0.1,
  scaleRewards: false,
  average: 'token',
  slots: 4,
};
const scoring = ['score', 'field', 'task'];
const adapters = { lora: 2, loraKind: 'rslora', loraAlpha: 3, loraTargets: ['mlp'], loraLayers: [0, 1] };
const prompts = () => given(at('prompts.jsonl'));
const inputs = (more: object = {}) => ({
  model: given(at('base')),
  prompts: prompts(),
  heldOut: [],
  reward: [],
  ...more,
});

it('begins its run with all that it is given', async () => {
  // Only one value of these works on every machine, steps stand beside epochs, and dropout is refused.
  const elsewhere = ['device', 'dtype', 'steps', 'heldOut', 'loraDropout', ...Object.keys(adapters), ...scoring];
  expectEverySetting(grpo, all, elsewhere);

  const outcome = await runStage(grpo, all, inputs(), at('better'));
  expect(existsSync(at('better', 'model', 'model.safetensors'))).toBe(true);
  const paths = { model: at('base'), data: [at('prompts.jsonl')], out: at('better') };
  const run = RunFolder.open(at('better'));
  expect(run.config).toMatchObject({ ...all, ...paths, heldOut: 0.05 });
  expect(run.inputs).toMatchObject({ scorer: { path: 'number (answer)' } });
  const names = (outcome as { metrics: { name: string }[] }).metrics.map(({ name }) => name);
  expect(names).toEqual([
    'held-out reward',
    'held-out reward before',
    'held-out reward without sampling',
    'tokens of an answer',
    'parameters',
    'tokens learned from',
  ]);
}, 60_000);

it('takes its rewards from a reward model, measures on rows of their own, and merges adapters', async () => {
  writeFileSync(at('pairs.jsonl'), jsonLines(pairsOf().slice(0, 30)));
  const judged = { steps: 1, sequenceLength: 128, batchSize: 2 };
  await runStage(
    reward,
    judged,
    { model: given(at('base')), pairs: given(at('pairs.jsonl')), heldOut: [] },
    at('judge'),
  );
  const settings = { ...judged, ...adapters, samples: 2, maxTokens: 3, score: 'reward' };
  const more = { heldOut: [prompts()], reward: [given(at('judge', 'model'))] };
  await runStage(grpo, settings, inputs(more), at('adapted'));
  const run = RunFolder.open(at('adapted'));
  expect(run.config).toMatchObject({ ...adapters, heldOut: [at('prompts.jsonl')] });
  expect(run.inputs).toMatchObject({ scorer: { path: `reward model ${at('judge', 'model')}` } });
  expect(existsSync(at('adapted', 'model', 'model.safetensors'))).toBe(true);
}, 60_000);

it('hands on the field and the rule', async () => {
  const settings = {
    steps: 1,
    sequenceLength: 128,
    batchSize: 2,
    samples: 2,
    maxTokens: 3,
    score: 'exact',
    field: 'prompt',
  };
  await runStage(grpo, settings, inputs(), at('exact'));
  expect(RunFolder.open(at('exact')).inputs).toMatchObject({ scorer: { path: 'exact (prompt)' } });
});

it('is told apart by the code and the data of a task', async () => {
  const task = `export default { kind: 'generate', name: 'own', version: 1, summary: 's', metric: 'm', data: { files: ['own/rows.jsonl'], origin: 'here', licence: 'CC0' }, samples: async () => ({ samples: [], shots: [] }), prompt: () => '', reference: () => '', score: () => ({ m: 1 }), run: async () => {} };`;
  writeFileSync(at('own.mjs'), task);
  mkdirSync(at('benchmarks', 'own'), { recursive: true });
  vi.stubEnv('TSUMUGI_BENCHMARKS', at('benchmarks'));
  const uses = (rows: string) => {
    writeFileSync(at('benchmarks', 'own', 'rows.jsonl'), rows);
    return grpo.uses!(grpo.config.parse({ score: 'task', task: at('own.mjs') }));
  };
  const before = await uses('a');
  expect(Object.keys(before)).toEqual(['own', 'own/rows.jsonl']);
  expect(await uses('b')).not.toEqual(before);
});

it('refuses what does not go together, before anything is planned', () => {
  const check =
    (config: object, more: object = {}) =>
    () =>
      grpo.check!(grpo.config.parse(config), inputs(more) as never);
  expect(check({ heldOut: 0.1 }, { heldOut: [prompts()] })).toThrow(
    'heldOut has no effect with examples to measure on',
  );
  expect(check({}, { heldOut: [prompts(), prompts()] })).toThrow('grpo measures on one set of examples, got 2');
  expect(check({ score: 'reward' })).toThrow('score=reward needs rewardModel');
  expect(check({}, { reward: [given(at('judge'))] })).toThrow('rewardModel has no effect with score=number');
  expect(check({ score: 'reward' }, { reward: [given(at('judge')), given(at('base'))] })).toThrow(
    'grpo scores by one reward model, got 2',
  );
  expect(check({ task: 'jnli' })).toThrow('task has no effect with score=number');
  expect(check({ loraDropout: 0.1, lora: 2 })).toThrow('loraDropout has no effect');
  expect(check({ schedule: 'range-test' })).toThrow('a range-test makes no model');
  expect(check({}, { heldOut: [prompts()] })).not.toThrow();
});

it('is told apart by what its task is made of, its data too', async () => {
  const task = (score: string) =>
    `export default { kind: 'generate', name: 'own', version: 1, summary: 's', metric: 'm', data: { name: 'own', files: ['own.jsonl'], origin: 'here', licence: 'CC0' }, samples: async () => ({ samples: [], shots: [] }), prompt: () => '', reference: () => '', score: () => ({ m: ${score} }), run: async () => {} };`;
  vi.stubEnv('TSUMUGI_BENCHMARKS', setup.folder);
  const uses = async (name: string, score: string, data: string) => {
    writeFileSync(at(name), task(score));
    writeFileSync(at('own.jsonl'), data);
    return await grpo.uses!(grpo.config.parse({ score: 'task', task: at(name) }));
  };
  const first = await uses('one.mjs', '1', 'a');
  expect(await uses('two.mjs', '2', 'a')).not.toEqual(first);
  expect(await uses('one.mjs', '1', 'b')).not.toEqual(first);
  expect(await uses('one.mjs', '1', 'a')).toEqual(first);
});

it('forecasts the answers to each prompt, and that they are written once for so many updates', async () => {
  const rows = { ...prompts(), bytes: 600, metrics: { examples: 10 }, about: undefined };
  const model = { ...given(at('base')), metrics: {}, about: undefined };
  const of = async (settings: object) =>
    await grpo.forecast({
      config: grpo.config.parse({ batchSize: 5, maxTokens: 20, ...settings }),
      inputs: { model, prompts: rows, heldOut: [], reward: [] },
    });
  const [one, two, wide] = [await of({}), await of({ updates: 2 }), await of({ samples: 16 })];
  expect(one.metrics).toMatchObject({ steps: 2 });
  expect(two.metrics).toMatchObject({ steps: 4 });
  expect(two.memory).toEqual(one.memory);
  expect(wide.memory[1]!.bytes).toBeGreaterThan(1.5 * one.memory[1]!.bytes);
});
