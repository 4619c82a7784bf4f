// What the tasks have in common: sums of squares, clipped copies, noise around the model's own state.
import type { NumpyRandom } from '../../../random/numpy-random.ts';
import type { Range } from '../../settings.ts';

export function sumOfSquares(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}

export const clip = (value: number, [low, high]: Range): number => Math.min(Math.max(value, low), high);

export const isWithin = (value: number, [low, high]: Range): boolean => low < value && value < high;

/** Copies `from` beginning at `start` into `to` at `at`; returns where the next part goes. */
export function put(to: Float64Array, at: number, from: Float64Array, start = 0): number {
  for (let i = start; i < from.length; i++) to[at++] = from[i]!;
  return at;
}

export function putClipped(to: Float64Array, at: number, from: Float64Array, range: Range): number {
  for (let i = 0; i < from.length; i++) to[at++] = clip(from[i]!, range);
  return at;
}

/** Adds noise, uniform within ±scale, to each element. */
export function addUniform(values: Float64Array, scale: number, random: NumpyRandom): void {
  for (let i = 0; i < values.length; i++) values[i]! += random.uniform(-scale, scale);
}

function addNormal(values: Float64Array, scale: number, random: NumpyRandom): void {
  for (let i = 0; i < values.length; i++) values[i]! += scale * random.standardNormal();
}

/** Every position and velocity uniform within ±scale of the model's own. */
export const scatterUniform =
  (scale: number) =>
  (qpos: Float64Array, qvel: Float64Array, random: NumpyRandom): void => {
    addUniform(qpos, scale, random);
    addUniform(qvel, scale, random);
  };

/** Positions uniform within ±scale, velocities normal with this standard deviation. */
export const scatterNormal =
  (scale: number) =>
  (qpos: Float64Array, qvel: Float64Array, random: NumpyRandom): void => {
    addUniform(qpos, scale, random);
    addNormal(qvel, scale, random);
  };
