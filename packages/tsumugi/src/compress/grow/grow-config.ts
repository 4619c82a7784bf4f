// Settings of growing.
import { z } from 'zod';
import { shapeSettings } from '../reshape/shape-config.ts';

export const growConfig = z.strictObject({
  ...shapeSettings,

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
