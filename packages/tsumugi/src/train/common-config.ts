// Settings that kinds of training share, with defaults of their own where they differ. Preferred Networks has published
// none of these values: every default is our choice.
import { z } from 'zod';
import { DEFAULT_DECAY, DEFAULT_FLOOR, RANGE_TEST_FLOOR } from '../loop/index.ts';
import { factoryDevice } from '../torch/index.ts';
import { type Shard, shards } from './scale/shards.ts';

export const count = z.int().positive();
export const fraction = z.number().min(0).max(1);
const beta = z.number().min(0).lt(1);

/** The rows of a step, where all steps are alike. */
export const rowSettings = () => ({
  sequenceLength: count.min(2).default(512).describe('tokens of a row'),
  batchSize: count.default(8).describe('rows of a micro-batch'),
  gradientAccumulation: count.default(1).describe('micro-batches of a step'),
  predictEnd: z.boolean().default(false).describe('learn where texts end: predict BOS after each document'),
});

/** The learning rate over the steps. */
export const scheduleSettings = (defaults: { learningRate: number; warmup: number }) => ({
  learningRate: z.number().positive().default(defaults.learningRate).describe('peak'),
  schedule: z
    .enum(['cosine', 'wsd', 'constant', 'linear', 'range-test'])
    .default('cosine')
    .describe(
      'cosine, wsd, linear or constant after the warm-up; range-test rises exponentially from the first step to the last',
    ),
  warmup: fraction.default(defaults.warmup).describe('fraction of the steps that warm up (not with range-test)'),
  decay: fraction.optional().describe(`fraction of the steps over which wsd decays (${DEFAULT_DECAY} when left out)`),
  floor: fraction
    .optional()
    .describe(
      `fraction of the peak where the schedule ends (${DEFAULT_FLOOR} when left out; not with constant), or range-test begins (${RANGE_TEST_FLOOR})`,
    ),
});

/** AdamW and clipping. */
export const optimizerSettings = () => ({
  betas: z.tuple([beta, beta]).default([0.9, 0.95]).describe('AdamW'),
  epsilon: z.number().positive().default(1e-8).describe('AdamW'),
  weightDecay: z.number().nonnegative().default(0.1).describe('of matrices only'),
  clipNorm: z.number().positive().default(1).describe('largest global gradient norm'),
});

/** How a step is computed. */
export const computeSettings = (defaults: { activationCheckpointing: boolean }) => ({
  device: z.string().default(factoryDevice).describe('cpu or cuda'),
  dtype: z.enum(['float32', 'bfloat16']).default('float32').describe('of the computation; weights stay float32'),
  activationCheckpointing: z
    .boolean()
    .default(defaults.activationCheckpointing)
    .describe('recompute activations: less memory, more time'),
});

/** What is cut over ranks. */
export const shardSetting = () => ({
  shard: z
    .enum(shards)
    .default('none')
    .describe(
      "what is cut over ranks: zero1 the optimizer's state, zero2 gradients too, zero3 weights too; the less memory, the more is sent",
    ),
});

/** The same, of trainings whose ranks go backward as often as their share of the rows asks for. */
export const stateShardSetting = () => ({
  shard: z.enum(['none', 'zero1']).default('none').describe("what is cut over ranks: zero1 the optimizer's state"),
});

/** Coefficient of the z-loss. */
export const zLossSetting = () => ({
  zLoss: z.number().nonnegative().default(0).describe('coefficient of mean(logsumexp²), 0 = off'),
});

/** What is looked at on the way. */
export const watchSettings = (defaults: { evaluateEvery: number }) => ({
  evaluateEvery: z
    .int()
    .nonnegative()
    .default(defaults.evaluateEvery)
    .describe('steps between evaluations, 0 = at the end'),
  layersEvery: z
    .int()
    .nonnegative()
    .default(0)
    .describe("steps between measurements of each layer's gradients and outputs, 0 = none"),
});

/** How often a run saves, and what it keeps. */
export const checkpointSettings = (defaults: { checkpointEvery: number }) => ({
  checkpointEvery: z
    .int()
    .nonnegative()
    .default(defaults.checkpointEvery)
    .describe('steps between checkpoints, 0 = at the end'),
  keepLast: count.default(2).describe('checkpoints kept besides the best'),
  keepSteps: z.array(count).default([]).describe('steps after which a checkpoint is saved and kept, e.g. 1,10,100'),
});

/** What every kind of training of a language model is told. */
export type TrainingConfig = z.output<
  z.ZodObject<
    ReturnType<typeof scheduleSettings> &
      ReturnType<typeof optimizerSettings> &
      ReturnType<typeof computeSettings> &
      ReturnType<typeof checkpointSettings> &
      ReturnType<typeof watchSettings>
  >
> & { out: string; seed: number; shard?: Shard };

/** Settings that a run may change when it goes on: they do not touch what was trained so far. */
export const changeableSettings = [
  'evaluateEvery',
  'evaluateTokens',
  'layersEvery',
  'checkpointEvery',
  'keepLast',
  'keepSteps',
  'shard',
] as const;
