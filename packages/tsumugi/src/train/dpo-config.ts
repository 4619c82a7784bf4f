// What preference training can be told. The paper's values for H-DPO are not known: rate, schedule and warm-up are those of the zephyr recipe
// for DPO (huggingface/alignment-handbook, recipes/zephyr-7b-beta/dpo), everything else is our choice, β among it (zephyr's is 0.01).
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

const preferenceLosses = ['dpo', 'hdpo', 'ipo', 'simpo', 'orpo', 'kto'] as const;
export type PreferenceLossName = (typeof preferenceLosses)[number];

export const DEFAULT_ALPHA = 0.9;
export const DEFAULT_BETA = 0.1;
export const DEFAULT_GAMMA = 1;
export const DEFAULT_ODDS_WEIGHT = 0.1;
export const DEFAULT_DPO_EPOCHS = 1;

export const dpoConfig = z.strictObject({
  model: z.string().min(1).describe('model folder to train; as it comes it is the reference, too'),
  data: rowFiles.describe(
    'files of pairs, jsonl or parquet: prompt, chosen, rejected; with kto also prompt, completion, label',
  ),
  ...tuningPlaces('pairs or answers'),

  loss: z.enum(preferenceLosses).default('dpo').describe('docs/preference.md has their formulas'),
  alpha: z.number().positive().optional().describe(`weight of the entropy in hdpo, ${DEFAULT_ALPHA} when left out`),
  beta: z
    .number()
    .positive()
    .optional()
    .describe(`how much the policy is held to the reference, ${DEFAULT_BETA} when left out (not with orpo)`),
  labelSmoothing: z.number().min(0).lt(0.5).default(0).describe('how often a label is taken to be wrong (dpo, hdpo)'),
  smoothing: z
    .enum(['conservative', 'robust'])
    .optional()
    .describe('what labelSmoothing does, conservative when left out'),
  lengthNormalized: z.boolean().default(false).describe('means over tokens in place of sums (dpo, hdpo, ipo)'),
  gamma: z.number().nonnegative().optional().describe(`margin of simpo, ${DEFAULT_GAMMA} when left out`),
  oddsWeight: z
    .number()
    .positive()
    .optional()
    .describe(`λ of orpo's odds ratio beside the cross-entropy, ${DEFAULT_ODDS_WEIGHT} when left out`),
  desirableWeight: z.number().nonnegative().optional().describe('λ_D of kto, 1 when left out'),
  undesirableWeight: z.number().nonnegative().optional().describe('λ_U of kto, 1 when left out'),
  sftWeight: z
    .number()
    .nonnegative()
    .default(0)
    .describe("of the chosen answers' cross-entropy, added to the loss (always 1 with orpo)"),

  ...tuningSteps('pairs or answers', { epochs: DEFAULT_DPO_EPOCHS, batchSize: 8 }),
  ...answerRows('pairs or answers longer than a row'),

  ...adapterSettings(),

  ...scheduleSettings({ learningRate: 5e-7, warmup: 0.1 }),
  ...optimizerSettings(),

  seed: z.int().nonnegative().default(0).describe('of batches, and of which pairs or answers are held out'),
  ...computeSettings({ activationCheckpointing: false }),
  ...stateShardSetting(),

  ...watchSettings({ evaluateEvery: 100 }),
  ...checkpointSettings({ checkpointEvery: 200 }),
});

export type DpoConfig = z.output<typeof dpoConfig>;
export type DpoInput = z.input<typeof dpoConfig>;

/** Settings that a run may change when it goes on. */
export const dpoMayChange = tuningMayChange satisfies readonly (keyof DpoConfig)[];

/** How much longer a step takes than one over what is learned alone: kto's mismatched answers go forward, a third of a step. */
export const stepWork = (loss: PreferenceLossName): number => (loss === 'kto' ? 4 / 3 : 1);

/** Whether a loss compares the policy with the reference. */
export const needsReference = (loss: PreferenceLossName): boolean => loss !== 'simpo' && loss !== 'orpo';
