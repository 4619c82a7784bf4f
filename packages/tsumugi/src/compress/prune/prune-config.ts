// Settings of pruning.
import { z } from 'zod';

const count = z.int().positive();

export const pruneConfig = z.strictObject({
  // Keys of a config that can be lowered.
  hidden_size: count.optional().describe('width of the residual stream'),
  intermediate_size: count.optional().describe('channels of the MLPs'),
  num_attention_heads: count.optional().describe('query heads; groups go whole unless num_key_value_heads is given'),
  num_key_value_heads: count.optional().describe('key/value heads, each with its group of query heads'),
  mamba_num_heads: count.optional().describe('heads of the Mamba mixers'),
  num_hidden_layers: count.optional().describe('layers; they go in whole pairs of Mamba and attention'),

  preset: z.enum(['8b-to-2b']).optional().describe('a published target; single keys beside it win'),
  importance: z
    .enum(['activation', 'random'])
    .default('activation')
    .describe('what stays: what is most active, or anything (to compare with)'),
  depth: z
    .enum(['influence', 'loss'])
    .default('influence')
    .describe('which layers go: those that turn the residual stream least, or whose loss is lowest when left out'),
  sequences: count.default(64).describe('sequences to calibrate with'),
  sequenceLength: z.int().min(2).default(512).describe('tokens of a sequence at most'),
  seed: z.int().nonnegative().default(0).describe('of importance=random'),
});

export type PruneSettings = z.output<typeof pruneConfig>;
export type PruneSettingsInput = z.input<typeof pruneConfig>;
