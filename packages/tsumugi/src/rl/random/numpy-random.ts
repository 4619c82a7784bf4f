// NumPy's `Generator(PCG64(seed))`, number for number: Gymnasium's environments draw from it, so that a seed gives the same
// episodes here and there.
import { invariant, streamUsed } from '../../base/index.ts';
import { Pcg64, type Pcg64State } from './pcg64.ts';
import { standardNormal } from './ziggurat.ts';

export type { Pcg64State };

export class NumpyRandom {
  #bits: Pcg64;

  /** From a whole number of at least 0, or from a `state`. */
  constructor(seed: number | Pcg64State) {
    this.#bits = new Pcg64(seed);
  }

  /** JSON; `new NumpyRandom(state)` goes on from it. */
  get state(): Pcg64State {
    streamUsed(this);
    return this.#bits.state;
  }

  set state(state: Pcg64State) {
    streamUsed(this);
    this.#bits = new Pcg64(state);
  }

  /** Uniform in [0, 1): 53 bits. */
  random(): number {
    streamUsed(this);
    return Number(this.#bits.nextUint64() >> 11n) / 9007199254740992;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  /** `uniform(low, high, size)`; bounds for every element, or for each. */
  uniforms(low: number | ArrayLike<number>, high: number | ArrayLike<number>, size: number): Float64Array {
    const at = (bound: number | ArrayLike<number>, i: number) => (typeof bound === 'number' ? bound : bound[i]!);
    return Float64Array.from({ length: size }, (_, i) => this.uniform(at(low, i), at(high, i)));
  }

  /** Uniform whole numbers low … high − 1 (Lemire 2019, words of 32 bits). */
  integers(low: number, high: number): number {
    const count = high - low;
    invariant(
      Number.isSafeInteger(low) && Number.isInteger(count) && count > 0 && count <= 2 ** 32,
      `NumpyRandom.integers(${low}, ${high})`,
    );
    streamUsed(this);
    if (count === 1) return low;
    if (count === 2 ** 32) return low + this.#bits.nextUint32();
    const draw = () => BigInt(this.#bits.nextUint32()) * BigInt(count);
    let product = draw();
    if (Number(product & 0xffffffffn) < count) {
      const least = (2 ** 32 - count) % count;
      while (Number(product & 0xffffffffn) < least) product = draw();
    }
    return low + Number(product >> 32n);
  }

  /** `choice(items)`: one of them, all alike. */
  choice<T>(items: readonly T[]): T {
    return items[this.integers(0, items.length)]!;
  }

  standardNormal(): number {
    streamUsed(this);
    return standardNormal(this.#bits, () => this.random());
  }

  normal(mean: number, deviation: number): number {
    return mean + deviation * this.standardNormal();
  }

  /** `standard_normal(size)` */
  standardNormals(size: number): Float64Array {
    return Float64Array.from({ length: size }, () => this.standardNormal());
  }

  /** Gymnasium's `categorical_sample`: the first place where the sum of probabilities is above a uniform number. */
  categorical(probabilities: ArrayLike<number>): number {
    const drawn = this.random();
    let sum = 0;
    for (let i = 0; i < probabilities.length; i++) {
      sum += probabilities[i]!;
      if (sum > drawn) return i;
    }
    return 0;
  }
}
