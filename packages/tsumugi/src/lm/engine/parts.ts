// What the parts of an engine work on together.
import type { Admission } from './admission.ts';
import type { Beginnings } from './beginnings.ts';
import type { Totals } from './counters.ts';
import type { TextMemory } from './memory.ts';
import type { Schedule } from './schedule.ts';

export interface Parts {
  readonly memory: TextMemory;
  /** Undefined without a prefix cache. */
  readonly beginnings: Beginnings | undefined;
  readonly schedule: Schedule;
  readonly admission: Admission;
  readonly totals: Totals;
}
