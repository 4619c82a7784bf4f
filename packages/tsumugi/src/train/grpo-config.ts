// What GRPO can be told. Rate and β are those of DeepSeekMath (Shao et al. 2024, arXiv 2402.03300, section 4.2: 1e-6, 0.04, one update for
// each set of answers), ε is PPO's (Schulman et al. 2017, arXiv 1707.06347); everything else is our choice.
import { z } from 'zod';
import { adapterSettings } from './adapter-config.ts';
import {
  checkpointSettings,
  computeSettings,
  count,
  optimizerSettings,
  scheduleSettings,
  watchSettings,
} from './common-config.ts';
import { averages } from './grpo/grpo-loss.ts';
import { answerRows, rowFiles, tuningMayChange, tuningPlaces, tuningSteps } from './tuning-config.ts';

export const DEFAULT_GRPO_EPOCHS = 1;

export const grpoConfig = z.strictObject({
  model: z.string().min(1).describe('model folder to train; as it comes it is the reference, too'),
  data: rowFiles.describe('files of prompts, jsonl or parquet, with what the scorer needs beside them'),
  ...tuningPlaces('prompts'),
  samples: count.min(2).default(8).describe('answers to each prompt, a group'),
  maxTokens: count.default(256).describe('of an answer at most'),
  updates: count.default(1).describe('that learn from the same answers, one after the other'),
  clip: z.number().positive().lt(1).default(0.2).describe('ε: how far the probability of a token may move in them'),
  beta: z
    .number()
    .nonnegative()
    .default(0.04)
    .describe('of the KL to the reference; with 0 nothing is held to a reference'),
  scaleRewards: z
    .boolean()
    .default(true)
    .describe('divide advantages by the standard deviation of the group (Dr. GRPO does not)'),
  average: z
    .enum(averages)
    .default('answer')
    .describe('of the tokens: first of each answer, of all alike, or by a constant (Dr. GRPO)'),
  ...tuningSteps('prompts', { epochs: DEFAULT_GRPO_EPOCHS, batchSize: 4 }),
  ...answerRows('prompts that leave no room for maxTokens in a row'),
  slots: count.default(16).describe('answers that are written at a time'),
  ...adapterSettings(),
  ...scheduleSettings({ learningRate: 1e-6, warmup: 0 }),
  ...optimizerSettings(),
  seed: z.int().nonnegative().default(0).describe('of batches, of answers, and of which prompts are held out'),
  ...computeSettings({ activationCheckpointing: false }),
  ...watchSettings({ evaluateEvery: 50 }),
  ...checkpointSettings({ checkpointEvery: 50 }),
});

export type GrpoConfig = z.output<typeof grpoConfig>;
export type GrpoInput = z.input<typeof grpoConfig>;

/** Settings that a run may change when it goes on. */
export const grpoMayChange = tuningMayChange.filter((name) => name !== 'shard') satisfies readonly (keyof GrpoConfig)[];
