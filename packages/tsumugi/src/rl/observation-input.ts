// How observations become what networks take: a float32 tensor [B, …shape] with a number of a `Discrete` space as a row
// with a 1 in its place; pixels of one byte stay uint8 and are scaled by the network.
import { invariant } from '../base/index.ts';
import { type Device, fromBytes, type Tensor } from '../torch/index.ts';
import type { Observation } from './environment.ts';
import { onDevice } from './on-device.ts';
import type { Box, Discrete, Space } from './spaces/index.ts';

/** An array that holds observations one after the other, as replay stores them: numbers of a `Discrete` space as they are. */
export type ObservationRows = Float32Array | Uint8Array | Int32Array;

/** Whole numbers of another range are no shades: they are taken as they are, like all other numbers. */
const isPixels = (space: Space): boolean =>
  space.kind === 'Box' && (space as Box).dtype === 'uint8' && (space as Box).high.every((bound) => bound === 255);

export class ObservationInput {
  /** Of one observation, as a network takes it. */
  readonly shape: readonly number[];
  /** Of the tensors. */
  readonly dtype: 'float32' | 'uint8';
  /** Elements of one observation in `ObservationRows`. */
  readonly width: number;
  readonly #discrete: Discrete | undefined;
  readonly #lone: ObservationRows;

  constructor(space: Space) {
    this.#discrete = space.kind === 'Discrete' ? (space as Discrete) : undefined;
    // A lone number of a box is an array of one.
    this.shape = this.#discrete ? [this.#discrete.n] : space.shape.length === 0 ? [1] : space.shape;
    this.dtype = isPixels(space) ? 'uint8' : 'float32';
    this.width = this.#discrete ? 1 : space.shape.reduce((product, length) => product * length, 1);
    this.#lone = this.rows(1);
  }

  /** Room for `count` observations. */
  rows(count: number): ObservationRows {
    if (this.#discrete) return new Int32Array(count);
    return this.dtype === 'uint8' ? new Uint8Array(count * this.width) : new Float32Array(count * this.width);
  }

  /** Writes an observation to place `row`. */
  write(observation: Observation, rows: ObservationRows, row: number): void {
    if (typeof observation === 'number') rows[row] = observation;
    else {
      invariant(observation.length === this.width, `an observation of ${this.width} elements`);
      rows.set(observation, row * this.width);
    }
  }

  /** [B, …shape] for one observation of each environment. */
  tensor(observations: readonly Observation[], device: Device = 'cpu'): Tensor {
    const [first] = observations;
    if (observations.length === 1 && this.dtype === 'float32' && first instanceof Float32Array)
      return onDevice(fromBytes(first, 'float32', [1, ...this.shape]), device);
    const rows = observations.length === 1 ? this.#lone : this.rows(observations.length);
    observations.forEach((observation, i) => {
      this.write(observation, rows, i);
    });
    return this.fromRows(rows, [observations.length], device);
  }

  /** [...leading, …shape]; `rows` are copied. */
  fromRows(rows: ObservationRows, leading: readonly number[], device: Device = 'cpu'): Tensor {
    const shape = [...leading, ...this.shape];
    if (!this.#discrete) return onDevice(fromBytes(rows, this.dtype, shape), device);
    const { n, start } = this.#discrete;
    const hot = new Float32Array(rows.length * n);
    for (let i = 0; i < rows.length; i++) hot[i * n + rows[i]! - start] = 1;
    return onDevice(fromBytes(hot, 'float32', shape), device);
  }
}
