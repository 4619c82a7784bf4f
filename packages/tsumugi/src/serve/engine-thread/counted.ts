// Counters of models that are closed and opened again: each engine begins at nothing.
import type { EngineCounters } from '../../lm/index.ts';

/** What says how an engine stands. The rest only ever grows. */
type Standing = 'running' | 'waiting' | 'snapshots' | 'bytesUsed' | 'bytesLimit';

const growing: Readonly<Record<Exclude<keyof EngineCounters, Standing>, true>> = {
  ...{ preemptions: true, promptTokens: true, cachedTokens: true, readTokens: true, generatedTokens: true },
  ...{ proposedTokens: true, acceptedTokens: true, prefixQueries: true, prefixHits: true, stateMissing: true },
  ...{ proposals: true, evictions: true },
};

const namesOf = <K extends string>(table: Readonly<Record<K, true>>): K[] => Object.keys(table) as K[];

/** What an engine has counted, with what is known from before. */
export function withBefore(now: EngineCounters, before: EngineCounters | undefined): EngineCounters {
  if (!before) return now;
  return { ...now, ...Object.fromEntries(namesOf(growing).map((name) => [name, now[name] + before[name]])) };
}

/** Of an engine that is gone: nothing runs, waits or is kept. */
export const closed = (counters: EngineCounters): EngineCounters => ({
  ...counters,
  ...{ running: 0, waiting: 0, snapshots: 0, bytesUsed: 0 },
});
