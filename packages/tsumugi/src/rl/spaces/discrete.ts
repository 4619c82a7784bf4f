// Gymnasium's Discrete: a few whole numbers.
import { checkNumber, type RandomStream } from '../../base/index.ts';
import type { Space } from './space.ts';

/** The whole numbers start … start + n − 1. */
export class Discrete implements Space {
  readonly kind = 'Discrete';
  readonly shape: readonly number[] = [];
  readonly n: number;
  readonly start: number;

  constructor(n: number, start = 0) {
    this.n = checkNumber('Discrete', 'n', n, { min: 1, whole: true });
    this.start = checkNumber('Discrete', 'start', start, { whole: true });
  }

  contains(value: unknown): value is number {
    return Number.isInteger(value) && (value as number) >= this.start && (value as number) < this.start + this.n;
  }

  sample(rng: RandomStream): number {
    return this.start + rng.below(this.n);
  }

  toString(): string {
    return this.start === 0 ? `Discrete(${this.n})` : `Discrete(${this.n}, start=${this.start})`;
  }
}
