// Metrics of a training run from the events that it wrote: what was done, not what was planned.
import { join } from 'node:path';
import { metric, type StageMetric } from '../recipe/index.ts';
import { readEvents } from '../run/index.ts';

/** How many parameters were trained, and on how many tokens. */
export function trainingMetrics(folder: string): StageMetric[] {
  const events = readEvents(join(folder, 'events.jsonl'));
  const parameters = events.findLast((event) => event.type === 'start')?.parameters;
  const tokens = events.findLast((event) => event.type === 'step')?.tokens;
  return [metric('parameters', parameters ?? Number.NaN), metric('tokens learned from', tokens ?? Number.NaN)];
}
