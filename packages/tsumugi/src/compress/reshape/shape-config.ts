// The keys of a model's config that pruning lowers and growing raises.
import { z } from 'zod';

const count = z.int().positive();

export const shapeSettings = {
  hidden_size: count.optional().describe('width of the residual stream'),
  intermediate_size: count.optional().describe('channels of the MLPs'),
  num_attention_heads: count.optional().describe('query heads; whole groups unless num_key_value_heads is given'),
  num_key_value_heads: count.optional().describe('key/value heads, each with its group of query heads'),
  mamba_num_heads: count.optional().describe('heads of the Mamba mixers'),
  num_hidden_layers: count.max(10_000).optional().describe('layers, in whole pairs of Mamba and attention'),
};

export const targetKeys = Object.keys(shapeSettings) as (keyof typeof shapeSettings)[];

export type ShapeTarget = Partial<Record<keyof typeof shapeSettings, number | undefined>>;
