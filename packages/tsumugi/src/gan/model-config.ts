// What a trained GAN's folder says about it (config.json).
import { z } from 'zod';
import { architectures, normalizations } from './networks/index.ts';

export const GAN_TYPE = 'tsumugi-gan';

const partName = z.string().min(1);

export const ganModelSchema = z.strictObject({
  model_type: z.literal(GAN_TYPE),
  /** Of both networks, or of the one that is ours; null when neither is. */
  architecture: z.enum(Object.keys(architectures) as [keyof typeof architectures]).nullable(),
  /** The names of the parts that are its maker's own; whoever loads the generator brings its part. */
  own: z
    .strictObject({
      generator: partName.optional(),
      discriminator: partName.optional(),
      loss: partName.optional(),
      penalty: partName.optional(),
    })
    .optional(),
  /** Height and width. */
  image_size: z.int().positive().max(2048),
  channels: z.union([z.literal(1), z.literal(3)]),
  /** Factor of the published widths. */
  width: z.number().positive(),
  /** Null when unconditional. */
  num_classes: z.int().positive().nullable(),
  /** Names of the classes; null when unconditional. */
  class_names: z.array(z.string()).nullable(),
  /** Of the discriminator; null when that is its maker's own. */
  normalization: z.enum(normalizations).nullable(),
  /** The data set's name. */
  dataset: z.string(),
  /** Decay of the moving average, whose weights are then there as `average.…`; 0 without one. */
  ema_decay: z.number().min(0).lt(1),
  /** Updates of the generator. */
  steps: z.int().positive(),
});

export type GanModelConfig = z.infer<typeof ganModelSchema>;
