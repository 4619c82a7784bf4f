// Gymnasium's Box: arrays of numbers between bounds.
import { ConfigError, type RandomStream } from '../../base/index.ts';
import type { Space } from './space.ts';

const dtypes = ['float32', 'float64', 'uint8'] as const;
export type BoxDType = (typeof dtypes)[number];

const number = new Float32Array(1);
const bits = new Int32Array(number.buffer);

/** The float32 number beside one, upwards or downwards. */
function beside(x: number, up: boolean): number {
  number[0] = x;
  if (x === 0) bits[0] = 1;
  else bits[0]! += x > 0 === up ? 1 : -1;
  return x === 0 && !up ? -number[0] : number[0];
}

const atLeast = (bound: number) => (Math.fround(bound) >= bound ? Math.fround(bound) : beside(bound, true));
const atMost = (bound: number) => (Math.fround(bound) <= bound ? Math.fround(bound) : beside(bound, false));

/** Arrays of a shape whose every element lies between bounds of its own; bounds may be infinite. */
export class Box implements Space {
  readonly kind = 'Box';
  readonly shape: readonly number[];
  readonly dtype: BoxDType;
  /** [elements of the shape] */
  readonly low: Float64Array;
  readonly high: Float64Array;
  #float32Bounds: { low: Float32Array; high: Float32Array } | undefined;

  /**
   * @param low for every element, or for each
   * @throws ConfigError for bounds that are no numbers, too few or too many, or the wrong way round
   */
  constructor(
    low: number | readonly number[],
    high: number | readonly number[],
    shape: readonly number[],
    dtype: BoxDType = 'float32',
  ) {
    if (!dtypes.includes(dtype)) throw badBox(`its numbers are ${dtypes.join(', ')}, got ${String(dtype)}`);
    const size = shape.reduce((product, length) => product * length, 1);
    if (!shape.every((length) => Number.isSafeInteger(length) && length > 0) || !Number.isSafeInteger(size))
      throw badBox(`its shape is of whole numbers above 0, got [${shape.join(', ')}]`);
    this.shape = shape;
    this.dtype = dtype;
    // Bounds are numbers of the type: π in 32 bits is more than π, and has to lie inside.
    const rounded = (bound: number) => (dtype === 'float32' ? Math.fround(bound) : bound);
    const filled = (name: string, bound: number | readonly number[]) => {
      if (typeof bound !== 'number' && bound.length !== size)
        throw badBox(`${name} is a number, or one for each of its ${size} elements, got ${bound.length}`);
      return typeof bound === 'number'
        ? new Float64Array(size).fill(rounded(bound))
        : Float64Array.from(bound, rounded);
    };
    this.low = filled('low', low);
    this.high = filled('high', high);
    const wrong = this.low.findIndex((bound, i) => !(bound <= this.high[i]!));
    if (wrong >= 0)
      throw badBox(`low is at most high, got ${this.low[wrong]} and ${this.high[wrong]} (element ${wrong})`);
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

  /**
   * Moves each number to the nearest one inside, in place. What is clipped to a bound of 64 bits and then rounded to 32 may lie
   * outside again; this does not.
   */
  clip(point: Float32Array): Float32Array {
    this.#float32Bounds ??= { low: Float32Array.from(this.low, atLeast), high: Float32Array.from(this.high, atMost) };
    const { low, high } = this.#float32Bounds;
    for (let i = 0; i < point.length; i++) point[i] = Math.min(Math.max(point[i]!, low[i]!), high[i]!);
    return point;
  }

  /** Uniform where both sides are bounded (bytes: whole numbers), shifted exponential where one is, normal where none is. */
  sample(rng: RandomStream): Float32Array {
    const point = Float32Array.from(this.low, (low, i) => {
      const high = this.high[i]!;
      if (this.dtype === 'uint8') return Math.min(high, low + Math.floor((high - low + 1) * rng.next()));
      if (Number.isFinite(high - low)) return low + (high - low) * rng.next();
      if (Number.isFinite(low) && Number.isFinite(high)) return mixed(low, high, rng.next());
      if (Number.isFinite(low)) return low - Math.log(1 - rng.next());
      if (Number.isFinite(high)) return high + Math.log(1 - rng.next());
      return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
    });
    return this.clip(point);
  }

  toString(): string {
    const bounds = (values: Float64Array) => {
      const low = values.reduce((least, x) => Math.min(least, x), Infinity);
      const high = values.reduce((most, x) => Math.max(most, x), -Infinity);
      return low === high ? String(low) : `${low}…${high}`;
    };
    return `Box(${bounds(this.low)}, ${bounds(this.high)}, [${this.shape.join(', ')}], ${this.dtype})`;
  }
}

/** Where the distance of two bounds is beyond the largest number. */
const mixed = (low: number, high: number, share: number) => low * (1 - share) + high * share;

const badBox = (what: string): ConfigError => new ConfigError('bad-space', `Box: ${what}`);
