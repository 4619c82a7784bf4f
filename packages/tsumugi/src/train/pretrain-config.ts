// What a pre-training run can be told. Preferred Networks has not published optimizer, schedule or batch: every default
// here is our choice.
import { z } from 'zod';
import {
  changeableSettings,
  checkpointSettings,
  computeSettings,
  count,
  optimizerSettings,
  rowSettings,
  scheduleSettings,
  shardSetting,
  watchSettings,
  zLossSetting,
} from './common-config.ts';

export const pretrainConfig = z.strictObject({
  data: z.string().min(1).describe('folder made by "tsumugi data prepare"'),
  tokenizer: z.string().min(1).describe('tokenizer.jsonl, or a folder that holds one'),
  out: z.string().min(1).describe('run folder: events, checkpoints, and the trained model in model/'),
  model: z.string().default('mini').describe('shape: a preset name; the vocabulary follows the tokenizer'),
  modelChanges: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('keys of config.json that differ from the preset'),

  steps: count.default(1000).describe('updates'),
  minutes: z.number().positive().optional().describe('take fewer steps when these minutes would not suffice'),
  ...rowSettings(),

  ...scheduleSettings({ learningRate: 3e-3, warmup: 0.02 }),
  ...optimizerSettings(),
  ...zLossSetting(),

  seed: z.int().nonnegative().default(0).describe('of weights and batches'),
  ...computeSettings({ activationCheckpointing: false }),
  ...shardSetting(),

  ...watchSettings({ evaluateEvery: 100 }),
  evaluateTokens: count.optional().describe('held-out tokens measured then, 50000 when left out (the last time: all)'),
  sampleEvery: z.int().nonnegative().default(0).describe('steps between samples, 0 = none'),
  samplePrompt: z.string().min(1).optional().describe('what samples continue, 吾輩は when left out'),
  ...checkpointSettings({ checkpointEvery: 200 }),
});

export type PretrainConfig = z.output<typeof pretrainConfig>;
export type PretrainInput = z.input<typeof pretrainConfig>;

/** What a run settles on before its first step, and the settings it follows from. */
export const pretrainPlan = z.strictObject({
  steps: count,
  of: z.strictObject({ steps: count, minutes: z.number().nullable() }),
});

/** Settings that a run may change when it goes on. */
export const pretrainMayChange = [
  ...changeableSettings,
  ...(['steps', 'minutes', 'sampleEvery', 'samplePrompt'] as const),
] as const satisfies readonly (keyof PretrainConfig)[];

/** Held-out tokens that are measured between steps. */
export const evaluateTokensOf = ({ evaluateTokens = 50_000 }: Pick<PretrainConfig, 'evaluateTokens'>): number =>
  evaluateTokens;

export const samplePromptOf = ({ samplePrompt = '吾輩は' }: PretrainConfig): string => samplePrompt;
