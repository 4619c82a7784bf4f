// What a pre-training run can be told. Preferred Networks has not published optimizer, schedule or batch: every default
// here is our choice.
import { z } from 'zod';

const count = z.int().positive();
const fraction = z.number().min(0).max(1);

export const pretrainConfig = z.strictObject({
  data: z.string().describe('folder made by "tsumugi data prepare"'),
  tokenizer: z.string().describe('tokenizer.jsonl, or a folder that holds one'),
  out: z.string().describe('run folder: events, checkpoints, and the trained model in model/'),
  model: z.string().default('mini').describe('shape: a preset name; the vocabulary follows the tokenizer'),
  modelChanges: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('keys of config.json that differ from the preset'),

  steps: count.default(1000).describe('updates'),
  minutes: z.number().positive().optional().describe('take fewer steps when these minutes would not suffice'),
  contextLength: count.default(512).describe('tokens of a row'),
  batchSize: count.default(8).describe('rows of a micro-batch'),
  accumulate: count.default(1).describe('micro-batches of a step'),
  predictEnd: z.boolean().default(false).describe('learn where texts end: predict BOS after each document'),

  learningRate: z.number().positive().default(3e-3).describe('peak'),
  schedule: z.enum(['cosine', 'wsd', 'constant', 'linear']).default('cosine').describe('after the warm-up'),
  warmup: fraction.default(0.02).describe('fraction of the steps that warm up'),
  decay: fraction.default(0.2).describe('fraction of the steps over which wsd decays'),
  floor: fraction.default(0.1).describe('fraction of the peak where the schedule ends'),
  betas: z.tuple([fraction, fraction]).default([0.9, 0.95]).describe('AdamW'),
  epsilon: z.number().positive().default(1e-8).describe('AdamW'),
  weightDecay: z.number().nonnegative().default(0.1).describe('of matrices only'),
  clipNorm: z.number().positive().default(1).describe('largest global gradient norm'),
  zLoss: z.number().nonnegative().default(0).describe('coefficient of mean(logsumexp²), 0 = off'),

  seed: z.int().nonnegative().default(0).describe('of weights and batches'),
  device: z.string().default('cpu').describe('cpu or cuda'),
  dtype: z.enum(['float32', 'bfloat16']).default('float32').describe('of the computation; weights stay float32'),
  checkpointLayers: z.boolean().default(false).describe('recompute activations: less memory, more time'),

  evaluateEvery: z.int().nonnegative().default(100).describe('steps between evaluations, 0 = at the end'),
  evaluateTokens: count.default(50_000).describe('held-out tokens measured then (the last time: all)'),
  sampleEvery: z.int().nonnegative().default(0).describe('steps between samples, 0 = none'),
  samplePrompt: z.string().default('吾輩は').describe('what samples continue'),
  checkpointEvery: z.int().nonnegative().default(200).describe('steps between checkpoints, 0 = at the end'),
  keepLast: count.default(2).describe('checkpoints kept besides the best'),
});

export type PretrainConfig = z.output<typeof pretrainConfig>;
export type PretrainInput = z.input<typeof pretrainConfig>;
