// What an agent of one's own says that differs from one that is here in its loss, its networks, or settings besides.
import type { z } from 'zod';
import type { Agent } from '../agent.ts';
import type { Condition } from './idle-settings.ts';

/** What it is, settings of its own, and how it is made of the options of the one that it varies and of those. */
export interface AgentVariant<Options, A extends Agent, S extends z.ZodRawShape = Record<never, never>> {
  summary: string;
  /** Besides those of the one that it varies; each with a default and a description. */
  settings?: S;
  /** Where settings count that do not always, besides those of the one that it varies. */
  conditions?: readonly Condition[];
  make(options: Options, settings: z.output<z.ZodObject<S>>): A;
}
