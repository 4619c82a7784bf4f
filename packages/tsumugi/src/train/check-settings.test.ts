// Settings that do not go together are refused by one check, whether a command, a recipe or a program gives them, and nothing is
// left behind that stands in the way of the corrected ones.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConfigError } from '../base/index.ts';
import { scheduleOf } from '../loop/schedule.ts';
import { checkExtendSettings, checkPretrainSettings } from './check-settings.ts';
import { extendConfig } from './extend-config.ts';
import { pretrain } from './pretrain.ts';
import { pretrainConfig } from './pretrain-config.ts';
import { silent, type TinySetup, tinySetup } from './train.testing.ts';

let setup: TinySetup;
beforeAll(async () => {
  setup = await tinySetup();
});
afterAll(() => setup[Symbol.dispose]());

const paths = { data: 'd', tokenizer: 't', out: 'o' };
const extension = { model: 'm', out: 'o', mix: [{ data: 'd' }] };

it.each([
  [{ schedule: 'wsd', warmup: 0.5, decay: 0.6 }, 'warmup 0.5 and decay 0.6 together are more than all the steps'],
  [{ schedule: 'wsd', warmup: 0.9 }, 'warmup 0.9 and decay 0.2'],
  [{ decay: 0.5 }, 'decay has no effect with the schedule cosine'],
  [{ schedule: 'constant', floor: 0.5 }, 'floor has no effect with the schedule constant'],
  [{ schedule: 'range-test', floor: 0 }, 'a range-test cannot rise from a floor of 0'],
  [{ samplePrompt: '猫' }, 'samplePrompt has no effect without sampleEvery'],
  [
    { modelChanges: { n_layers: 2 } },
    'modelChanges: the model has no key "n_layers"\n  → Did you mean "num_hidden_layers"?',
  ],
  [{ modelChanges: { window_size: 32 } }, '"window_size"\n  → Did you mean "attention_window_size"?'],
  [{ modelChanges: { windowSize: 32 } }, 'Did you mean "attention_window_size"?'],
  [{ modelChanges: { hidden_sise: 32 } }, 'Did you mean "hidden_size"?'],
  [{ modelChanges: { num_layers: 32 } }, 'Did you mean "num_hidden_layers"?'],
  [{ modelChanges: { use_cache: true } }, 'the model has no key "use_cache"'],
  [{ evaluateEvery: 0, evaluateTokens: 5 }, 'evaluateTokens has no effect with evaluateEvery 0'],
  [{ modelChanges: { vocab_size: 9 } }, 'modelChanges.vocab_size has no effect'],
])('pre-training with %j', (changes, message) => {
  const config = pretrainConfig.parse({ ...paths, ...changes });
  expect(() => checkPretrainSettings(config)).toThrow(ConfigError);
  expect(() => checkPretrainSettings(config)).toThrow(message);
});

it.each([
  [{ schedule: 'wsd', warmup: 0.5, decay: 0.6 }, 'together are more than all the steps'],
  [{ windowSize: 64 }, 'windowSize has no effect with layers "all"'],
  [{ ropeLocalTheta: 1e6 }, 'ropeLocalTheta has no effect with layers "all"'],
  [{ phases: [{ sequenceLength: 64, steps: 1 }, { sequenceLength: 32, steps: 1 }] }, 'phase 2 has a sequenceLength of 32'], // biome-ignore format: pairs
])('an extension with %j', (changes, message) => {
  const config = extendConfig.parse({ ...extension, ...changes });
  expect(() => checkExtendSettings(config)).toThrow(message);
});

it.each([
  { betas: [1, 0.9] },
  { betas: [0.9, 1] },
  { betas: [0.9] },
  { epsilon: 0 },
  { learningRate: Number.POSITIVE_INFINITY },
  { learningRate: Number.NaN },
  { learningRate: -1 },
  { weightDecay: Number.NaN },
  { clipNorm: 0 },
  { steps: 1.5 },
  { steps: 0 },
  { sequenceLength: 1 },
  { batchSize: 2 ** 53 },
  { gradientAccumulation: -1 },
  { warmup: 1.1 },
  { seed: -1 },
  { keepLast: 0 },
  { checkpointEvery: 0.5 },
  { minutes: 0 },
  { zLoss: -1 },
  { samplePrompt: '' },
])('%j is out of range', (changes) => {
  expect(pretrainConfig.safeParse({ ...paths, ...changes }).success).toBe(false);
});

it('takes fractions that together are just all the steps, whatever they round to', () => {
  for (const [warmup, decay] of [[0.5, 0.5], [0.7, 0.3], [0.1, 0.9], [0, 1], [1, 0]] as const) // biome-ignore format: pairs
    for (let steps = 1; steps < 12; steps++) {
      checkPretrainSettings(pretrainConfig.parse({ ...paths, schedule: 'wsd', warmup, decay }));
      const rates = Array.from({ length: steps }, (_, step) =>
        scheduleOf({ schedule: 'wsd', warmup, decay }, steps)(step),
      );
      expect(Math.min(...rates)).toBeGreaterThan(0);
      expect(Math.max(...rates)).toBe(1);
    }
});

it('leaves nothing in the way of the corrected settings', async () => {
  const impossible = { schedule: 'wsd', warmup: 0.5, decay: 0.6, steps: 2 } as const;
  await expect(pretrain(setup.config('corrected', impossible), { stream: silent })).rejects.toThrow('more than all');
  expect(existsSync(join(setup.folder, 'corrected'))).toBe(false);
  const { interrupted } = await pretrain(setup.config('corrected', { ...impossible, decay: 0.5 }), { stream: silent });
  expect(interrupted).toBe(false);
});
