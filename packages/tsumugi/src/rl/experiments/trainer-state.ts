// What a checkpoint of a training holds: the agent with its replay and random streams, the environments in the middle of their
// episodes, and the returns so far. From there it goes on bit for bit.
import { z } from 'zod';
import type { State } from '../../store/index.ts';
import { episodesSchema } from './episodes-state.ts';

export const trainerSchema = z.strictObject({
  agent: z.custom<State>((value) => value !== undefined, 'missing'),
  /** Null where they cannot be saved. */
  environments: z.custom<State>((value) => value !== undefined, 'missing'),
  episodes: episodesSchema,
  /** Seconds at work. */
  seconds: z.number().nonnegative(),
});
