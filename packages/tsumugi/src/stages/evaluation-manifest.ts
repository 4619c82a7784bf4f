// What is kept of the evaluation of one model while a stage is not complete, and the check of its shape on reading.
import { z } from 'zod';
import { heatmapSchema } from '../recipe/index.ts';

/** A model on the held-out text, in rows of one length. */
export const heldOutSchema = z.strictObject({
  model: z.string(),
  sequenceLength: z.int().positive(),
  bitsPerCharacter: z.number(),
  perplexity: z.number(),
});

const measured = z.number().nullable();
const metrics = z.record(z.string(), z.strictObject({ value: measured, low: measured, high: measured }));

/** What a task found, without times and paths. */
const taskMetricsSchema = z.strictObject({
  model: z.string(),
  task: z.string(),
  version: z.int(),
  metric: z.string(),
  lowerIsBetter: z.boolean(),
  metrics: metrics,
  groups: z.record(z.string(), z.strictObject({ n: z.int(), metrics: metrics })),
  n: z.int(),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  promptHash: z.string(),
  requestsHash: z.string(),
  heatmap: heatmapSchema.optional(),
});

/** What the tasks of one name found. */
export const foundSchema = z.array(taskMetricsSchema);

export type HeldOut = z.output<typeof heldOutSchema>;
export type TaskMetrics = z.output<typeof taskMetricsSchema>;
