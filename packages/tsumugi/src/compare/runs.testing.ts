// For tests: folders of runs, with events at times that are known.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NewEvent, RunFolder } from '../run/index.ts';
import type { JsonObject } from '../store/index.ts';

/** Writes a run whose events lie `seconds` apart, from 2026-01-01 on. */
export function writeRun(
  path: string,
  name: string,
  config: JsonObject,
  events: readonly (NewEvent & { wait?: number })[],
): string {
  using run = RunFolder.create(path, { name, config });
  using _ = run.openEvents();
  let time = Date.UTC(2026, 0, 1);
  writeFileSync(join(path, 'events.jsonl'), '');
  for (const { wait = 10, ...event } of events) {
    time += 1000 * wait;
    appendFileSync(join(path, 'events.jsonl'), `${JSON.stringify({ time, ...event })}\n`);
  }
  return path;
}

/** A training: `losses` after each step of a hundred tokens, then the held-out cross-entropy. */
export function writeTraining(path: string, config: JsonObject, losses: readonly number[], heldOut: number): string {
  const total = losses.length;
  return writeRun(path, 'pretrain', { out: path, steps: total, ...config }, [
    { type: 'start', step: 0, name: 'pretrain', totalSteps: total, resumed: false },
    ...losses.map((loss, i) => ({ type: 'step', step: i + 1, loss, lr: 0.1, tokens: 100 * (i + 1) }) as const),
    { type: 'evaluation', step: total, name: 'held-out', metrics: { crossEntropy: heldOut } },
    { type: 'end', step: total, reason: 'done' },
  ]);
}
