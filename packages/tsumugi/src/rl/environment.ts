// What an environment is: Gymnasium's interface, synchronous, over plain arrays.
import type { Space } from './spaces/index.ts';

/**
 * What an agent sees: a number of a `Discrete` space, or the elements of an array of the space's shape, row by row. It is the
 * receiver's: an environment never writes again into one that it gave out.
 */
export type Observation = number | Float32Array | Float64Array | Uint8Array;

/** What an agent does: a number of a `Discrete` space, or the elements of a point of a `Box`. */
export type Action = number | Float32Array;

/** What `step` takes: also plain arrays. */
export type ActionLike = Action | readonly number[] | Float64Array;

/** What an environment tells besides. Names are the environment's. */
export type Info = Readonly<Record<string, unknown>>;

export interface ResetOptions {
  /** Of the environment's random stream; without one the stream goes on (the first time: from a seed of the clock). */
  seed?: number;
  /** The environment's own options. */
  options?: Readonly<Record<string, unknown>>;
}

export interface ResetResult<O extends Observation = Observation> {
  observation: O;
  info: Info;
}

export interface StepResult<O extends Observation = Observation> {
  /** After the step; at the end of an episode its last one. */
  observation: O;
  reward: number;
  /** The task ended: nothing follows, so there is nothing to bootstrap from. */
  terminated: boolean;
  /** The episode was cut off, by a time limit for instance: the task itself would go on. */
  truncated: boolean;
  info: Info;
}

/** A picture: RGB, row by row from the top left. */
export interface Frame {
  width: number;
  height: number;
  /** [height, width, 3] */
  data: Uint8Array;
}

export interface Environment<O extends Observation = Observation> extends Disposable {
  /** As in the registry, e.g. "CartPole-v1". */
  readonly id: string;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  /** What the actions of a game are called, e.g. "NOOP", "FIRE", where it says so. */
  readonly actionMeanings?: readonly string[];
  /** Begins an episode. */
  reset(options?: ResetOptions): ResetResult<O>;
  /**
   * One step of the episode.
   *
   * @throws UserError `bad-action` for an action that is not in the space; `needs-reset` before `reset` and after an end
   */
  step(action: ActionLike): StepResult<O>;
  /** A picture of the present state, where it can be drawn. */
  render?(): Frame;
  /**
   * Puts the episode into a state of the task's own description (classic control: Gymnasium's state vector; MuJoCo:
   * `{ qpos, qvel }`); returns the observation there. The count of steps begins anew.
   */
  setState?(state: unknown): O;
  /**
   * Everything that the future depends on – state, random stream, count of steps –, as JSON. Where it is missing, a run
   * that goes on begins a new episode, and says so.
   */
  snapshot?(): unknown;
  /** Puts back what `snapshot` gave, of this environment or another one of the same kind. */
  restore?(snapshot: unknown): void;
}
