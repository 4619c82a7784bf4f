// A stage run by itself, as a recipe runs it.
import { expect } from 'vitest';
import type { z } from 'zod';
import { silent } from '../train/train.testing.ts';
import type {
  answers,
  distill,
  dpo,
  evaluate,
  extend,
  grow,
  grpo,
  merge,
  pairs,
  pretrain,
  prune,
  quantize,
  reward,
  sft,
  synth,
  teacherLogits,
} from './index.ts';

/** What a stage is given: an artefact, or paths from outside. */
export const given = (path: string, metrics: object = {}) => ({
  name: 'base',
  path,
  paths: [path],
  settings: {},
  bytes: 1,
  metrics,
});

export function runStage(
  stage:
    | typeof answers
    | typeof pretrain
    | typeof extend
    | typeof distill
    | typeof evaluate
    | typeof sft
    | typeof dpo
    | typeof reward
    | typeof synth
    | typeof grpo
    | typeof pairs
    | typeof teacherLogits
    | typeof grow
    | typeof prune
    | typeof merge
    | typeof quantize,
  config: object,
  inputs: object,
  folder: string,
): Promise<object> {
  const work = stage.run as (context: object) => Promise<object>;
  return work({ config: stage.config.parse(config), inputs, folder, recipe: 'r', resumed: false, stream: silent });
}

/** What the stages that train on conversations have in common: none of them the default. */
export const tuned = {
  template: 'chatml',
  epochs: 0.1,
  batchSize: 2,
  gradientAccumulation: 2,
  sequenceLength: 128,
  packing: false,
  tooLong: 'drop',
  learningRate: 2e-3,
  schedule: 'wsd',
  warmup: 0.2,
  decay: 0.3,
  floor: 0.3,
  betas: [0.8, 0.9],
  epsilon: 1e-7,
  weightDecay: 0.2,
  clipNorm: 2,
  seed: 3,
  activationCheckpointing: true,
  evaluateEvery: 1,
  layersEvery: 2,
  checkpointEvery: 1,
  keepLast: 1,
  keepSteps: [1],
  shard: 'zero1',
};

export const tunedAdapters = {
  lora: 2,
  loraKind: 'rslora',
  loraAlpha: 3,
  loraDropout: 0.1,
  loraTargets: ['mlp'],
  loraLayers: [0, 1],
};

/** That `all` has every setting of a stage but those that are tested elsewhere, and no default among them. */
export function expectEverySetting(
  { config }: { config: z.ZodObject },
  all: Readonly<Record<string, unknown>>,
  elsewhere: readonly string[],
): void {
  expect(Object.keys(all).sort()).toEqual(
    Object.keys(config.shape)
      .filter((key) => !elsewhere.includes(key))
      .sort(),
  );
  const defaults = config.parse({});
  for (const [key, value] of Object.entries(all)) expect(defaults[key], key).not.toEqual(value);
}
