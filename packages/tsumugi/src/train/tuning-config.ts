// Settings of trainings on rows that people wrote: what is learned from, what is measured on, and how many go through a step.
import { z } from 'zod';
import { changeableSettings, count } from './common-config.ts';

export const DEFAULT_HELD_OUT = 0.05;

/** What the rows are called in words. */
type Rows = 'examples' | 'pairs' | 'pairs or answers' | 'prompts';

export const rowFiles = z.array(z.string().min(1)).min(1);

/** Where the rows to measure on, and the run, are, and how a conversation is written. */
export const tuningPlaces = (rows: Rows) => ({
  heldOut: z
    .union([z.number().gt(0).lt(1), rowFiles], {
      error: `expected a share of the ${rows} between 0 and 1, or files`,
    })
    .default(DEFAULT_HELD_OUT)
    .describe(`what is measured on: a share of the ${rows}, or files of their own`),
  out: z.string().min(1).describe('run folder: events, checkpoints, and the trained model in model/'),
  template: z.string().min(1).optional().describe("chat template: a name or a file; the model's own when left out"),
});

/** How long it goes on, and what a step takes. */
export const tuningSteps = (rows: Rows, defaults: { epochs: number; batchSize: number }) => ({
  epochs: z
    .number()
    .positive()
    .optional()
    .describe(`times through the ${rows}, ${defaults.epochs} when left out (not with steps)`),
  steps: count.optional().describe('updates'),
  batchSize: count.default(defaults.batchSize).describe(`${rows} of a micro-batch`),
  gradientAccumulation: count.default(1).describe('micro-batches of a step'),
  sequenceLength: count.min(2).default(1024).describe('tokens of a row at most'),
});

/** How answers lie in rows, and what becomes of those that are too long. */
export const answerRows = (tooLong: string) => ({
  packing: z.boolean().default(true).describe('several answers in a row, kept apart; else each in a row of its own'),
  tooLong: z.enum(['refuse', 'drop']).default('refuse').describe(`of ${tooLong}: refuse the data, or drop them`),
});

/** Settings that a run may change when it goes on. */
export const tuningMayChange = [
  ...changeableSettings.filter((name) => name !== 'evaluateTokens'),
  'epochs',
  'steps',
] as const;
