// Gymnasium's Box: arrays of numbers between bounds.
import { invariant, type RandomStream } from '../../base/index.ts';
import type { Space } from './space.ts';

export type BoxDType = 'float32' | 'float64' | 'uint8';

/** Arrays of a shape whose every element lies between bounds of its own; bounds may be infinite. */
export class Box implements Space {
  readonly kind = 'Box';
  readonly shape: readonly number[];
  readonly dtype: BoxDType;
  /** [elements of the shape] */
  readonly low: Float64Array;
  readonly high: Float64Array;

  /** @param low for every element, or for each */
  constructor(
    low: number | readonly number[],
    high: number | readonly number[],
    shape: readonly number[],
    dtype: BoxDType = 'float32',
  ) {
    this.shape = shape;
    this.dtype = dtype;
    const size = shape.reduce((product, length) => product * length, 1);
    // Bounds are numbers of the type: π in 32 bits is more than π, and has to lie inside.
    const rounded = (bound: number) => (dtype === 'float32' ? Math.fround(bound) : bound);
    const filled = (bound: number | readonly number[]) =>
      typeof bound === 'number' ? new Float64Array(size).fill(rounded(bound)) : Float64Array.from(bound, rounded);
    this.low = filled(low);
    this.high = filled(high);
    invariant(this.low.length === size && this.high.length === size, `bounds of ${size} elements`);
    invariant(
      this.low.every((bound, i) => bound <= this.high[i]!),
      'a box has no low bound above its high one',
    );
  }

  contains(value: unknown): boolean {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return false;
    const elements = value as ArrayLike<unknown>;
    if (elements.length !== this.low.length) return false;
    for (let i = 0; i < elements.length; i++) {
      const x = elements[i];
      if (typeof x !== 'number' || !(x >= this.low[i]! && x <= this.high[i]!)) return false;
    }
    return true;
  }

  /** Uniform where both sides are bounded, shifted exponential where one is, normal where none is. */
  sample(rng: RandomStream): Float32Array {
    return Float32Array.from(this.low, (low, i) => {
      const high = this.high[i]!;
      if (Number.isFinite(low) && Number.isFinite(high)) return low + (high - low) * rng.next();
      if (Number.isFinite(low)) return low - Math.log(1 - rng.next());
      if (Number.isFinite(high)) return high + Math.log(1 - rng.next());
      return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
    });
  }

  toString(): string {
    const bounds = (values: Float64Array) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return low === high ? String(low) : `${low}…${high}`;
    };
    return `Box(${bounds(this.low)}, ${bounds(this.high)}, [${this.shape.join(', ')}], ${this.dtype})`;
  }
}
