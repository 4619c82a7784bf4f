// The stage of preference training: every setting reaches the training behind it, and so do its inputs; what it refuses and forecasts.
import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { RunFolder } from '../run/index.ts';
import { type DpoSetup, dpoSetup } from '../train/preference/preference.testing.ts';
import { dpo, sft } from './index.ts';
import { expectEverySetting, given, runStage, tuned, tunedAdapters } from './stages.testing.ts';

let setup: DpoSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await dpoSetup();
});
beforeEach(() => vi.stubEnv('XDG_CACHE_HOME', at('cache')));
afterEach(() => vi.unstubAllEnvs());
afterAll(() => setup[Symbol.dispose]());

/** None of them the default. */
const all = {
  ...tuned,
  loss: 'hdpo',
  alpha: 0.8,
  beta: 0.3,
  labelSmoothing: 0.1,
  smoothing: 'robust',
  lengthNormalized: true,
  sftWeight: 0.2,
};
const adapters = tunedAdapters;
const pairs = () => given(at('pairs.jsonl'));
const inputs = (heldOut: object[] = []) => ({ model: given(at('base')), pairs: pairs(), heldOut });

it('begins its run with all that it is given', async () => {
  // Only one value of these works on every machine, others are of other losses, and steps stand beside epochs.
  const elsewhere = [
    'device',
    'dtype',
    'steps',
    'heldOut',
    'gamma',
    'desirableWeight',
    'undesirableWeight',
    'oddsWeight',
    ...Object.keys(adapters),
  ];
  expectEverySetting(dpo, all, elsewhere);

  const outcome = await runStage(dpo, all, inputs(), at('better'));
  expect(existsSync(at('better', 'model', 'model.safetensors'))).toBe(true);
  const paths = { model: at('base'), data: [at('pairs.jsonl')], out: at('better') };
  expect(RunFolder.open(at('better')).config).toMatchObject({ ...all, ...paths, heldOut: 0.05 });
  const names = (outcome as { metrics: { name: string }[] }).metrics.map(({ name }) => name);
  expect(names).toEqual([
    'held-out pairs right',
    'held-out pairs right before',
    'held-out margin',
    'entropy of a token',
    'entropy of a token before',
    'parameters',
    'tokens learned from',
  ]);
}, 60_000);

it('hands on what belongs to other losses', async () => {
  const settings = { steps: 1, sequenceLength: 128, batchSize: 2 };
  await runStage(dpo, { ...settings, loss: 'simpo', gamma: 0.4 }, inputs(), at('simpo'));
  expect(RunFolder.open(at('simpo')).config).toMatchObject({ loss: 'simpo', gamma: 0.4 });
  await runStage(dpo, { ...settings, loss: 'orpo', oddsWeight: 0.4 }, inputs([pairs()]), at('orpo'));
  const { config } = RunFolder.open(at('orpo'));
  expect(config).toMatchObject({ loss: 'orpo', oddsWeight: 0.4, heldOut: [at('pairs.jsonl')] });
});

it('hands on what adapters are to be, and merges them', async () => {
  const settings = { steps: 1, sequenceLength: 128, batchSize: 2, ...adapters };
  await runStage(dpo, settings, inputs(), at('adapted'));
  expect(RunFolder.open(at('adapted')).config).toMatchObject(adapters);
  expect(existsSync(at('adapted', 'model', 'model.safetensors'))).toBe(true);
}, 60_000);

it('refuses what does not go together, before anything is planned', () => {
  const check =
    (config: object, heldOut: object[] = []) =>
    () =>
      dpo.check!(dpo.config.parse(config), inputs(heldOut) as never);
  expect(check({ heldOut: 0.1 }, [pairs()])).toThrow('heldOut has no effect with examples to measure on');
  expect(check({}, [pairs(), pairs()])).toThrow('dpo measures on one set of examples, got 2');
  expect(check({ alpha: 0.9 })).toThrow('alpha has no effect with loss=dpo');
  expect(check({ schedule: 'range-test' })).toThrow('a range-test makes no model');
  expect(check({}, [pairs()])).not.toThrow();
});

it('forecasts two texts for each pair', async () => {
  const rows = { ...pairs(), bytes: 6000, metrics: { examples: 10 }, about: undefined };
  const model = { ...given(at('base')), metrics: {}, about: undefined };
  const ofPairs = await dpo.forecast({
    config: dpo.config.parse({ epochs: 2, batchSize: 5 }),
    inputs: { model, pairs: rows, heldOut: [] },
  });
  const ofTexts = await sft.forecast({
    config: sft.config.parse({ steps: 4, batchSize: 10 }),
    inputs: { model, examples: rows, heldOut: [] },
  });
  expect(ofPairs.metrics).toMatchObject({ steps: 4 });
  expect(ofPairs.memory).toEqual(ofTexts.memory);
});
