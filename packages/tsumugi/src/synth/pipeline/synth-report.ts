// What became of the rows of a pipeline, in numbers.
import { dirname, join } from 'node:path';
import { DataError } from '../../base/index.ts';

export interface StepReport {
  readonly step: string;
  /** Rows that came to it, and that it passed on. */
  rows: number;
  passed: number;
  /** Rows that a filter dropped, replies that failed, replies that wait for a greater budget. */
  dropped: number;
  failed: number;
  waiting: number;
}

export interface SynthReport {
  /** Rows that it began with, and examples that it made. */
  readonly rows: number;
  readonly examples: number;
  readonly steps: readonly StepReport[];
  /** Answers that were asked for now, and known from before; failures now. */
  readonly asked: number;
  readonly known: number;
  readonly failedNow: number;
  readonly tokens: { readonly read: number; readonly write: number };
  /** Whether the budget was spent before all rows were through. */
  readonly stopped: boolean;
  readonly path: string;
}

/** @throws DataError where rows went in, nothing waits, and no example came out */
export function requireExamples({ examples, rows, steps, stopped, path }: SynthReport): void {
  if (examples > 0 || stopped) return;
  const lost = steps.map(({ step, dropped, failed }) => ({ step, dropped, failed }));
  const most = lost.reduce((a, b) => (b.dropped + b.failed > a.dropped + a.failed ? b : a));
  const what = most.failed > most.dropped ? `${most.failed} replies failed` : `${most.dropped} rows were dropped`;
  const file = join(dirname(dirname(path)), 'report', most.failed > most.dropped ? 'failed.jsonl' : 'dropped.jsonl');
  throw new DataError('no-examples', `no example was made of ${rows} rows: in ${most.step} ${what}`, {
    remedy: `${file} says why.`,
    fields: { steps: lost },
  });
}
