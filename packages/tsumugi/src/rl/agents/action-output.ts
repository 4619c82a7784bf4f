// How what a policy draws becomes actions of a space, and how it is stored.
import { fromBytes, type Tensor } from '../../torch/index.ts';
import type { Action } from '../environment.ts';
import type { Box, Discrete, Space } from '../spaces/index.ts';

/** What was drawn, one row after the other: numbers from 0, or points that may lie outside of the box. */
export type ActionRows = Int32Array | Float32Array;

export class ActionOutput {
  /** Numbers of an action in `ActionRows`. */
  readonly width: number;
  readonly #discrete: Discrete | undefined;
  readonly #box: Box | undefined;

  constructor(space: Space) {
    this.#discrete = space.kind === 'Discrete' ? (space as Discrete) : undefined;
    this.#box = space.kind === 'Box' ? (space as Box) : undefined;
    this.width = this.#discrete ? 1 : space.shape.reduce((product, length) => product * length, 1);
  }

  /** Room for `count` actions. */
  rows(count: number): ActionRows {
    return this.#discrete ? new Int32Array(count) : new Float32Array(count * this.width);
  }

  /** int64 [N] or float32 [N, A] as rows. */
  fromSample(sample: Tensor): ActionRows {
    const data = sample.data();
    return this.#discrete ? Int32Array.from(data as BigInt64Array, Number) : (data as Float32Array);
  }

  /** The actions for the environments. A normal distribution has no ends: what it drew beyond the box becomes its edge. */
  actions(rows: ActionRows): Action[] {
    const count = rows.length / this.width;
    const actions = new Array<Action>(count);
    for (let i = 0; i < count; i++)
      actions[i] = this.#discrete ? rows[i]! + this.#discrete.start : this.#point(rows, i);
    return actions;
  }

  #point(rows: ActionRows, i: number): Float32Array {
    return this.#box!.clip((rows as Float32Array).slice(i * this.width, (i + 1) * this.width));
  }

  /** int64 [...leading] or float32 [...leading, A]. */
  tensor(rows: ActionRows, leading: readonly number[]): Tensor {
    if (this.#discrete) return fromBytes(BigInt64Array.from(rows as Int32Array, BigInt), 'int64', leading);
    return fromBytes(rows, 'float32', [...leading, this.width]);
  }
}
