// The stage of reward models: every setting reaches the training behind it, and so do its inputs; what it refuses and forecasts.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadRewardModel } from '../lm/index.ts';
import { RunFolder } from '../run/index.ts';
import { type RewardSetup, rewardSetup } from '../train/preference/preference.testing.ts';
import { dpo, reward } from './index.ts';
import { expectEverySetting, given, runStage, tuned, tunedAdapters } from './stages.testing.ts';

let setup: RewardSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await rewardSetup();
});
afterAll(() => setup[Symbol.dispose]());

/** None of them the default. */
const all = {
  ...tuned,
  centering: 0.2,
};
const adapters = tunedAdapters;
const pairs = () => given(at('pairs.jsonl'));
const inputs = (heldOut: object[] = []) => ({ model: given(at('base')), pairs: pairs(), heldOut });

it('begins its run with all that it is given', async () => {
  // Only one value of these works on every machine, and steps stand beside epochs.
  const elsewhere = ['device', 'dtype', 'steps', 'heldOut', ...Object.keys(adapters)];
  expectEverySetting(reward, all, elsewhere);

  const outcome = await runStage(reward, all, inputs(), at('judge'));
  const paths = { model: at('base'), data: [at('pairs.jsonl')], out: at('judge') };
  expect(RunFolder.open(at('judge')).config).toMatchObject({ ...all, ...paths, heldOut: 0.05 });
  using made = loadRewardModel(at('judge', 'model'));
  expect(made.score('犬は？', 'わん')).toBeTypeOf('number');
  const names = (outcome as { metrics: { name: string }[] }).metrics.map(({ name }) => name);
  expect(names).toEqual([
    'held-out pairs right',
    'held-out pairs right before',
    'held-out margin',
    'parameters',
    'tokens learned from',
  ]);
}, 60_000);

it('hands on what adapters are to be and what is measured on, and merges the adapters', async () => {
  const settings = { steps: 1, sequenceLength: 128, batchSize: 2, ...adapters };
  await runStage(reward, settings, inputs([pairs()]), at('adapted'));
  expect(RunFolder.open(at('adapted')).config).toMatchObject({ ...adapters, heldOut: [at('pairs.jsonl')] });
  expect(existsSync(at('adapted', 'model', 'model.safetensors'))).toBe(true);
  expect(existsSync(at('adapted', 'adapter'))).toBe(false);
}, 60_000);

it('refuses what does not go together, before anything is planned', () => {
  const check =
    (config: object, heldOut: object[] = []) =>
    () =>
      reward.check!(reward.config.parse(config), inputs(heldOut) as never);
  expect(check({ heldOut: 0.1 }, [pairs()])).toThrow('heldOut has no effect with examples to measure on');
  expect(check({}, [pairs(), pairs()])).toThrow('reward measures on one set of examples, got 2');
  expect(check({ loraAlpha: 2 })).toThrow('loraAlpha has no effect without lora');
  expect(check({ schedule: 'range-test' })).toThrow('a range-test makes no model');
  expect(check({}, [pairs()])).not.toThrow();
});

it('forecasts as preference training does, of two texts for each pair', async () => {
  const rows = { ...pairs(), bytes: 6000, metrics: { examples: 10 }, about: undefined };
  const model = { ...given(at('base')), metrics: {}, about: undefined };
  const of = async (stage: typeof reward | typeof dpo) =>
    await stage.forecast({
      config: stage.config.parse({ epochs: 2, batchSize: 5 }) as never,
      inputs: { model, pairs: rows, heldOut: [] },
    });
  const found = await of(reward);
  expect(found.metrics).toMatchObject({ steps: 4 });
  expect(found.memory).toEqual((await of(dpo)).memory);
});
