// What a MuJoCo task is: a model, how its episodes begin, what is seen of it, and what a step is worth. The rest
// – stepping, seeds, snapshots, pictures – is the same for all (environment.ts).
import type { Info } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import type { Settings } from '../settings.ts';
import type { Simulation } from './simulation.ts';

/** Of Gymnasium's tasks: 5 repairs 4 (docs/rl/mujoco.md), which results of older papers were measured on. */
export type Version = 4 | 5;

/** What a step came to. */
export interface Judgement {
  reward: number;
  terminated: boolean;
  info: Info;
}

/** A task over one simulation. */
export interface MujocoTask {
  /** Elements of an observation. */
  readonly size: number;
  /** What the reward of the next step compares with: of the state before it. A snapshot has it. */
  readonly memory: Float64Array;
  /** Writes it, from the present state. */
  remember(): void;
  /** Moves the model's own position (and velocity) to where an episode begins. */
  scatter(qpos: Float64Array, qvel: Float64Array, random: NumpyRandom): void;
  observe(): Float64Array;
  /** After the simulation has moved; `memory` is still of before. */
  judge(action: ArrayLike<number>): Judgement;
  /** What `reset` tells. */
  startInfo?(): Info;
}

/** How pictures look at it. */
export interface View {
  /** From the side along +y, or from above. */
  from: 'side' | 'above';
  /** Metres across the picture. */
  width: number;
  /** What is in the middle: the coordinates to the right and upwards in the picture. */
  centre: readonly [number, number];
  /** Whether the middle moves along with the body of this name. */
  follow?: string;
}

export interface TaskDefinition<S extends Settings = Settings> {
  name: string;
  /** The model's file, for each version that there is. */
  models: Readonly<Partial<Record<Version, string>>>;
  /** Steps of the simulation in one of the environment. */
  frameSkip: number;
  /** After which an episode is cut off. */
  maxSteps: number;
  settings: S;
  /** Settings that a version does not have. */
  absent?: Readonly<Partial<Record<Version, readonly (keyof S)[]>>>;
  view: View;
  make(simulation: Simulation, settings: S, version: Version): MujocoTask;
}

/** Lets the compiler find the type of the settings. */
export const defineTask = <S extends Settings>(definition: TaskDefinition<S>): TaskDefinition => definition as never;
