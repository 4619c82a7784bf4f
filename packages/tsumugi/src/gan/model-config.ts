// What a trained GAN's folder says about it (config.json).
import { z } from 'zod';
import { architectures, normalizations } from './networks/index.ts';

export const GAN_TYPE = 'tsumugi-gan';

export const ganModelSchema = z.strictObject({
  model_type: z.literal(GAN_TYPE),
  architecture: z.enum(Object.keys(architectures) as [keyof typeof architectures]),
  /** Height and width. */
  image_size: z.int().positive().max(2048),
  channels: z.union([z.literal(1), z.literal(3)]),
  /** Factor of the published widths. */
  width: z.number().positive(),
  /** Null when unconditional. */
  num_classes: z.int().positive().nullable(),
  /** Names of the classes; null when unconditional. */
  class_names: z.array(z.string()).nullable(),
  /** Of the discriminator. */
  normalization: z.enum(normalizations),
  /** The data set's name. */
  dataset: z.string(),
  /** Decay of the moving average, whose weights are then there as `average.…`; 0 without one. */
  ema_decay: z.number().min(0).lt(1),
  /** Updates of the generator. */
  steps: z.int().positive(),
});

export type GanModelConfig = z.infer<typeof ganModelSchema>;
