// What a precomputation of a teacher's logits can be told: of the settings of `distill` those that its numbers depend on.
import { z } from 'zod';
import { count } from './common-config.ts';
import { distillConfig } from './distill-config.ts';

export const logitsConfig = distillConfig
  .pick({
    data: true,
    temperature: true,
    teacherDtype: true,
    steps: true,
    sequenceLength: true,
    batchSize: true,
    gradientAccumulation: true,
    device: true,
    evaluateTokens: true,
  })
  .extend({
    teacher: z.string().min(1).describe('model folder to learn from'),
    out: z.string().min(1).describe('folder for the logits: a file for each step, and for each batch of held-out text'),
    topK: count.describe('likeliest tokens that are kept of each prediction, and the mass of the rest'),
    seed: z.int().nonnegative().default(0).describe('of batches'),
  });

export type LogitsConfig = z.output<typeof logitsConfig>;
export type LogitsInput = z.input<typeof logitsConfig>;
