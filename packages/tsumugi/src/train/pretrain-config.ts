// What a pre-training run can be told, with defaults. Values marked "our choice" are not published by Preferred Networks.
import { z } from 'zod';
import { dtypeNames } from '../torch/index.ts';

const count = z.int().positive();
const fraction = z.number().min(0).max(1);

export const pretrainConfig = z.strictObject({
  /** Folder made by `tsumugi data prepare`. */
  data: z.string(),
  /** Folder with tokenizer.jsonl. */
  tokenizer: z.string(),
  /** Run folder: events, checkpoints, and the trained model in `model/`. */
  out: z.string(),
  /** A preset's name; `vocab_size` follows the tokenizer. */
  model: z.string().default('mini'),
  /** Keys of config.json that differ from the preset. */
  modelChanges: z.record(z.string(), z.unknown()).default({}),

  steps: count.default(1000),
  contextLength: count.default(512),
  /** Rows per micro-batch. */
  batchSize: count.default(8),
  /** Micro-batches per step. */
  accumulate: count.default(1),
  /** Predict BOS after each document's last token, which teaches the model where texts end. */
  predictEnd: z.boolean().default(false),

  /** Our choice; as everything below, the published values are unknown. */
  learningRate: z.number().positive().default(3e-3),
  schedule: z.enum(['cosine', 'wsd', 'constant', 'linear']).default('cosine'),
  /** Fraction of the steps that warm up. */
  warmup: fraction.default(0.01),
  /** Fraction of the steps over which `wsd` decays. */
  decay: fraction.default(0.2),
  /** The learning rate ends at this fraction of its peak. */
  floor: fraction.default(0.1),
  betas: z.tuple([fraction, fraction]).default([0.9, 0.95]),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z.number().nonnegative().default(0.1),
  clipNorm: z.number().positive().default(1),
  /** Coefficient of mean(logsumexp²), 0 = off. */
  zLoss: z.number().nonnegative().default(0),

  seed: z.int().nonnegative().default(0),
  device: z.string().default('cpu'),
  /** Compute dtype; parameters and optimizer state stay float32. */
  dtype: z.enum(dtypeNames as [string, ...string[]]).default('float32'),
  checkpointLayers: z.boolean().default(false),

  /** Steps between evaluations, samples and checkpoints; 0 = only at the end. */
  evaluateEvery: z.int().nonnegative().default(100),
  /** Held-out tokens per evaluation during training; the first and last evaluation use all. */
  evaluateTokens: count.default(50_000),
  sampleEvery: z.int().nonnegative().default(0),
  samplePrompt: z.string().default('吾輩は'),
  checkpointEvery: z.int().nonnegative().default(200),
  /** Checkpoints kept besides the best. */
  keepLast: count.default(2),
});

export type PretrainConfig = z.output<typeof pretrainConfig>;
export type PretrainInput = z.input<typeof pretrainConfig>;
