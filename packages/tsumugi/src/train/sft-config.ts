// What fine-tuning on examples can be told. Every default is our choice.
import { z } from 'zod';
import { adapterSettings } from './adapter-config.ts';
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
import { rowFiles, tuningPlaces, tuningSteps } from './tuning-config.ts';

export const DEFAULT_EPOCHS = 3;

export const sftConfig = z.strictObject({
  model: z.string().min(1).describe('model folder to train'),
  data: rowFiles.describe('files of examples, jsonl or parquet: messages, instructions, prompts with completions'),
  ...tuningPlaces('examples'),

  ...tuningSteps('examples', { epochs: DEFAULT_EPOCHS, batchSize: 16 }),
  packing: z.boolean().default(true).describe('several examples in a row, kept apart; else each in a row of its own'),
  tooLong: z
    .enum(['refuse', 'cut', 'drop'])
    .default('refuse')
    .describe('of examples longer than a row: refuse the data, cut them after the last answer that fits, or drop them'),

  neftune: z
    .number()
    .nonnegative()
    .default(0)
    .describe('noise on the embeddings while learning: α of NEFTune, such as 5'),
  freeze: z
    .array(z.string().min(1))
    .default([])
    .describe('what is not trained: embedding, layers.0-3, or paths of weights, in which * stands for anything'),

  ...adapterSettings(),

  ...scheduleSettings({ learningRate: 2e-5, warmup: 0.03 }),
  ...optimizerSettings(),
  ...zLossSetting(),

  seed: z.int().nonnegative().default(0).describe('of batches, noise, and which examples are held out'),
  ...computeSettings({ activationCheckpointing: false }),
  ...shardSetting(),

  ...watchSettings({ evaluateEvery: 100 }),
  evaluateTokens: count.default(50_000).describe('held-out tokens that are measured'),
  ...checkpointSettings({ checkpointEvery: 200 }),
});

export type SftConfig = z.output<typeof sftConfig>;
export type SftInput = z.input<typeof sftConfig>;

/** Settings that a run may change when it goes on. */
export const sftMayChange = [...changeableSettings, 'epochs', 'steps'] as const satisfies readonly (keyof SftConfig)[];
