// Settings of growing.
import { z } from 'zod';

const count = z.int().positive();

export const growConfig = z.strictObject({
  // Keys of a config that can be raised.
  hidden_size: count.optional().describe('width of the residual stream'),
  intermediate_size: count.optional().describe('channels of the MLPs'),
  num_attention_heads: count.optional().describe('query heads; whole groups unless num_key_value_heads is given'),
  num_key_value_heads: count.optional().describe('key/value heads, each with its group of query heads'),
  mamba_num_heads: count.optional().describe('heads of the Mamba mixers'),
  num_hidden_layers: count.optional().describe('layers; they come in whole pairs of Mamba and attention'),

  depth: z
    .enum(['identity', 'repeat'])
    .default('identity')
    .describe('new layers add nothing at first, or do again what those before them do'),
  noise: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe(
      'so that copies of channels part: each weight w of a widened matrix becomes w·(1 + noise·N(0, 1)); 0 for none',
    ),
  seed: z.int().nonnegative().default(0).describe('of the noise'),
});

export type GrowSettings = z.output<typeof growConfig>;
export type GrowSettingsInput = z.input<typeof growConfig>;
