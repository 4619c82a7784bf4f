// Several whole numbers at once.
import { checkNumber, type RandomStream } from '../../base/index.ts';
import type { Space } from './space.ts';

/** Arrays of whole numbers; element i is one of 0 … counts[i] − 1. Points are given out as `Float32Array`. */
export class MultiDiscrete implements Space {
  readonly kind = 'MultiDiscrete';
  readonly shape: readonly number[];
  readonly counts: readonly number[];

  constructor(counts: readonly number[]) {
    for (const count of counts) checkNumber('MultiDiscrete', 'count', count, { min: 1, whole: true });
    this.counts = counts;
    this.shape = [counts.length];
  }

  contains(value: unknown): boolean {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return false;
    const elements = value as ArrayLike<unknown>;
    if (elements.length !== this.counts.length) return false;
    return this.counts.every((count, i) => {
      const x = elements[i];
      return Number.isInteger(x) && (x as number) >= 0 && (x as number) < count;
    });
  }

  sample(rng: RandomStream): Float32Array {
    return Float32Array.from(this.counts, (count) => rng.below(count));
  }

  toString(): string {
    return `MultiDiscrete([${this.counts.join(', ')}])`;
  }
}
