// What a vector of environments is: copies of one environment that step together, each with an episode of its own.
import { checkSeed, TsumugiError, UserError } from '../../base/index.ts';
import type { Outcome } from '../agent.ts';
import type { ActionLike, Info, Observation, ResetOptions } from '../environment.ts';
import type { Space } from '../spaces/index.ts';

export interface VectorStep {
  /** What came of each action. `next` of an episode that ended is its last observation. */
  outcomes: Outcome[];
  /** What to act on next: `next`, or the first observation of a new episode where one ended. */
  observations: Observation[];
  /** What each environment told of its step. */
  infos: Info[];
}

/**
 * Ended episodes are begun anew at once. After an error, which names the environment by its index, nothing steps until all are
 * reset: some have made the step and some have not.
 */
export interface VectorEnvironment extends Disposable {
  /** Of one, as in the registry. */
  readonly id: string;
  /** How many there are. */
  readonly size: number;
  /** Of one. */
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** Begins an episode in each; environment i is seeded with seed + i, as Gymnasium's vectors are. Returns what to act on. */
  reset(options?: ResetOptions): Observation[];
  /**
   * One step of each.
   *
   * @param actions of environment 0, 1, …
   * @throws UserError as `Environment.step`, with the index of the environment
   */
  step(actions: readonly ActionLike[]): VectorStep;
  /** As `Environment.snapshot`, of all, with what to act on; missing where one of them cannot. */
  snapshot?(): unknown;
  /** Puts back what `snapshot` gave, of a vector of the same size. Returns what to act on. */
  restore?(snapshot: unknown): Observation[];
}

/** The seed of environment i. */
export const seedOf = (seed: number, i: number): number => checkSeed(seed + i);

/** The options with which environment i is reset. */
export function resetOptionsOf({ seed, options }: ResetOptions, i: number): ResetOptions {
  return { ...(seed !== undefined && { seed: seedOf(seed, i) }), ...(options && { options }) };
}

/** @throws UserError unless there is an action for each */
export function requireActions(id: string, size: number, actions: readonly ActionLike[]): void {
  if (actions.length === size) return;
  throw new UserError('bad-action', `${size} environments of ${id} take ${size} actions, got ${actions.length}`, {
    remedy: 'Give one action for each environment, in their order.',
  });
}

export const notReset = (id: string): UserError =>
  new UserError('needs-reset', `the environments of ${id} step only after all of them were reset`, {
    remedy: 'Call reset() first, also after an error.',
  });

export const disposed = (id: string): TsumugiError =>
  new TsumugiError('disposed', `the environments of ${id} were disposed of`);
