// What an extension to long contexts can be told. Published is the result alone (context 32,768, RoPE base 1e6); how
// Preferred Networks trained it is not, so every default of optimizer, schedule, phases and mix is our choice.
import { z } from 'zod';
import {
  changeableSettings,
  checkpointSettings,
  computeSettings,
  count,
  optimizerSettings,
  scheduleSettings,
  shardSetting,
  watchSettings,
  zLossSetting,
} from './common-config.ts';

const phase = z.strictObject({
  sequenceLength: count.min(2).describe('tokens of a row'),
  steps: count.describe('updates'),
  batchSize: count.default(1).describe('rows of a micro-batch'),
  gradientAccumulation: count.default(1).describe('micro-batches of a step'),
});

const source = z.strictObject({
  data: z.string().min(1).describe('folder made by "tsumugi data prepare"'),
  weight: z.number().positive().default(1).describe('share of the rows, relative to the others'),
});

export const extendConfig = z.strictObject({
  model: z.string().min(1).describe('model folder to extend'),
  out: z.string().min(1).describe('run folder: events, checkpoints, and the extended model in model/'),
  mix: z.array(source).min(1).describe('token shards to learn from: [{"data": "DIR", "weight": 1}, …]'),

  layers: z
    .union([z.literal('all'), z.array(z.int().nonnegative())])
    .default('all')
    .describe('attention layers that become full: "all", or their numbers; [] = none'),
  ropeTheta: z.number().positive().default(1e6).describe('RoPE base of full layers'),
  ropeLocalTheta: z.number().positive().optional().describe('RoPE base of window layers (as it is when left out)'),
  windowSize: count.optional().describe('window of the other layers (as it is when left out)'),

  phases: z
    .array(phase)
    .min(1)
    .default([
      { sequenceLength: 8192, steps: 100, batchSize: 1, gradientAccumulation: 4 },
      { sequenceLength: 16384, steps: 100, batchSize: 1, gradientAccumulation: 2 },
      { sequenceLength: 32768, steps: 100, batchSize: 1, gradientAccumulation: 1 },
    ])
    .describe(
      'one after the other, contexts rising: [{"sequenceLength", "steps", "batchSize", "gradientAccumulation"}, …]',
    ),
  ranksPerRow: count
    .default(1)
    .describe('processes that share each row, which longer rows fit into; of as many as are started, or fewer'),
  predictEnd: z.boolean().default(false).describe('learn where texts end: predict BOS after each document'),

  // A tenth of the default peak of pre-training.
  ...scheduleSettings({ learningRate: 3e-4, warmup: 0.05 }),
  ...optimizerSettings(),
  ...zLossSetting(),

  seed: z.int().nonnegative().default(0).describe('of the batches'),
  ...computeSettings({ activationCheckpointing: true }),
  ...shardSetting(),

  ...watchSettings({ evaluateEvery: 50 }),
  evaluateTokens: count.default(200_000).describe('held-out tokens of each source that are measured'),
  ...checkpointSettings({ checkpointEvery: 25 }),
});

export type ExtendConfig = z.output<typeof extendConfig>;
export type ExtendInput = z.input<typeof extendConfig>;

/** Settings that a run may change when it goes on: the last phase may get longer or shorter. */
export const extendMayChange = ({ phases }: Pick<ExtendConfig, 'phases'>): string[] => [
  ...changeableSettings,
  'ranksPerRow',
  `phases.${phases.length - 1}.steps`,
];
