// What the training of a reward model can be told. Rate and epochs are those of InstructGPT's reward models (Ouyang et al. 2022, arXiv
// 2203.02155, appendix C.2: 9e-6, one epoch, a cosine to a tenth), everything else is our choice.
import { z } from 'zod';
import { adapterSettings } from './adapter-config.ts';
import {
  checkpointSettings,
  computeSettings,
  optimizerSettings,
  scheduleSettings,
  stateShardSetting,
  watchSettings,
} from './common-config.ts';
import { answerRows, rowFiles, tuningMayChange, tuningPlaces, tuningSteps } from './tuning-config.ts';

export const DEFAULT_REWARD_EPOCHS = 1;

export const rewardConfig = z.strictObject({
  model: z.string().min(1).describe('model folder to begin with'),
  data: rowFiles.describe('files of pairs, jsonl or parquet: prompt, chosen, rejected, and margin where there is one'),
  ...tuningPlaces('pairs'),
  centering: z
    .number()
    .nonnegative()
    .default(0)
    .describe('of the squared sum of the rewards of a pair, added to the loss: holds rewards around 0'),
  ...tuningSteps('pairs', { epochs: DEFAULT_REWARD_EPOCHS, batchSize: 8 }),
  ...answerRows('pairs longer than a row'),
  ...adapterSettings(),
  ...scheduleSettings({ learningRate: 9e-6, warmup: 0.1 }),
  ...optimizerSettings(),
  seed: z.int().nonnegative().default(0).describe('of the head, of batches, and of which pairs are held out'),
  ...computeSettings({ activationCheckpointing: false }),
  ...stateShardSetting(),
  ...watchSettings({ evaluateEvery: 100 }),
  ...checkpointSettings({ checkpointEvery: 200 }),
});

export type RewardConfig = z.output<typeof rewardConfig>;
export type RewardInput = z.input<typeof rewardConfig>;

/** Settings that a run may change when it goes on. */
export const rewardMayChange = tuningMayChange satisfies readonly (keyof RewardConfig)[];
