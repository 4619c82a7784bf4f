// What is kept of the evaluation of one model while a stage is not complete, and the check of its shape on reading.
import { z } from 'zod';
import { gridSchema } from '../recipe/index.ts';

/** A model on the held-out text, in rows of one length. */
export const heldOutSchema = z.strictObject({
  model: z.string(),
  sequenceLength: z.int().positive(),
  bitsPerCharacter: z.number(),
  perplexity: z.number(),
});

const measured = z.number().nullable();
const figures = z.record(z.string(), z.strictObject({ value: measured, low: measured, high: measured }));

/** What a task found, without times and paths. */
const taskFiguresSchema = z.strictObject({
  model: z.string(),
  task: z.string(),
  version: z.int(),
  metric: z.string(),
  lowerIsBetter: z.boolean(),
  metrics: figures,
  groups: z.record(z.string(), z.strictObject({ n: z.int(), metrics: figures })),
  n: z.int(),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  promptHash: z.string(),
  requestsHash: z.string(),
  grid: gridSchema.optional(),
});

/** What the tasks of one name found. */
export const foundSchema = z.array(taskFiguresSchema);

export type HeldOut = z.output<typeof heldOutSchema>;
export type TaskFigures = z.output<typeof taskFiguresSchema>;
