// What the parts of an engine work on together.
import type { Admission } from './admission.ts';
import type { Totals } from './counters.ts';
import type { TextMemory } from './memory.ts';
import type { PrefixCache } from './prefix-cache.ts';
import type { Schedule } from './schedule.ts';

export interface Parts {
  readonly memory: TextMemory;
  /** Undefined without a prefix cache. */
  readonly prefixCache: PrefixCache | undefined;
  readonly schedule: Schedule;
  readonly admission: Admission;
  readonly totals: Totals;
}
