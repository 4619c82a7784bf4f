// Counters of models that are closed and opened again: each engine begins at nothing.
import type { EngineCounters } from '../../lm/index.ts';

/** What only ever grows. The rest says how an engine stands. */
const growing = [
  'preemptions',
  'promptTokens',
  'cachedTokens',
  'readTokens',
  'generatedTokens',
  'prefixQueries',
  'prefixHits',
  'stateMissing',
  'evictions',
] as const satisfies (keyof EngineCounters)[];

/** What an engine has counted, with what is known from before. */
export function withBefore(now: EngineCounters, before: EngineCounters | undefined): EngineCounters {
  if (!before) return now;
  return { ...now, ...Object.fromEntries(growing.map((name) => [name, now[name] + before[name]])) };
}

/** Of an engine that is gone: nothing runs, waits or is kept. */
export const closed = (counters: EngineCounters): EngineCounters => ({
  ...counters,
  ...{ running: 0, waiting: 0, snapshots: 0, bytesUsed: 0 },
});
