// Settings of pruning.
import { z } from 'zod';
import { shapeSettings } from '../reshape/shape-config.ts';

const count = z.int().positive();

export const pruneConfig = z.strictObject({
  ...shapeSettings,

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
