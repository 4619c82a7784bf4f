// Seeds and a small random stream for choices made in TypeScript (shuffles, splits). Tensor randomness has its own
// streams in torch/random. Both are explicit: they are made from a seed, passed on, saved and restored.
import { hash } from 'node:crypto';
import { invariant, UserError } from './errors.ts';

/** @throws UserError for a fraction, NaN, or a number that float64 does not hold exactly */
export function checkSeed(seed: number): number {
  if (Number.isSafeInteger(seed)) return seed;
  throw new UserError('bad-seed', `a seed must be a whole number of at most 2^53 − 1 in size, got ${String(seed)}`, {
    fields: { seed },
  });
}

/** A stream of random numbers. What comes next depends on its state alone. */
export interface StatefulStream {
  state: unknown;
}

let watcher: ((stream: StatefulStream) => void) | undefined;

/** Has `watch` told of every stream just before it is read or moved. Returns who was told before, to be put back. */
export function watchStreams(watch: typeof watcher): typeof watcher {
  const before = watcher;
  watcher = watch;
  return before;
}

/** Every stream calls this before it is read or moved. */
export const streamUsed = (stream: StatefulStream): void => watcher?.(stream);

/** xoshiro128** (Blackman & Vigna 2018), seeded through splitmix32. The state is four 32-bit words. */
export class RandomStream {
  #state: Uint32Array;

  /** From a whole number, or from a `state`. */
  constructor(seed: number | readonly number[]) {
    if (typeof seed !== 'number') {
      this.#state = wordsOf(seed);
      return;
    }
    // Seeds of 32 bits are used as they are; others would lose what does not fit.
    let z = checkSeed(seed) === seed >>> 0 ? seed : deriveSeed(seed);
    this.#state = Uint32Array.from({ length: 4 }, () => {
      z = (z + 0x9e3779b9) >>> 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return (t ^ (t >>> 15)) >>> 0;
    });
  }

  /** The state, to be stored in a checkpoint; `new RandomStream(state)` goes on from it. */
  get state(): number[] {
    streamUsed(this);
    return [...this.#state];
  }

  set state(words: readonly number[]) {
    streamUsed(this);
    this.#state = wordsOf(words);
  }

  /** A uniform 32-bit unsigned integer. */
  nextUint32(): number {
    if (watcher) watcher(this);
    const s = this.#state as unknown as [number, number, number, number];
    const x = Math.imul(s[1], 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** A uniform number in [0, 1). */
  next(): number {
    return this.nextUint32() / 4294967296;
  }

  /** A uniform integer in [0, bound), without modulo bias. */
  below(bound: number): number {
    invariant(Number.isInteger(bound) && bound > 0 && bound <= 4294967296, `RandomStream.below(${bound})`);
    const limit = 4294967296 - (4294967296 % bound);
    for (;;) {
      const x = this.nextUint32();
      if (x < limit) return x % bound;
    }
  }

  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<T extends unknown[] | Uint32Array | Int32Array>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i];
      items[i] = items[j] as never;
      items[j] = held as never;
    }
    return items;
  }
}

function wordsOf(state: readonly number[]): Uint32Array {
  const words = Uint32Array.from(state);
  if (state.length === 4 && state.every((word, i) => word === words[i]) && words.some((word) => word > 0)) return words;
  throw new UserError('bad-seed', `the state of a stream is four 32-bit words, not all 0, got [${state.join(', ')}]`);
}

/**
 * A 32-bit seed derived from a seed and labels, so that independent streams never share numbers by accident. Every list of
 * labels is hashed in a spelling of its own: where one label ends, and whether it is 1 or '1', makes a difference.
 */
export function deriveSeed(seed: number, ...labels: (string | number)[]): number {
  for (const number of [seed, ...labels]) if (typeof number === 'number') checkSeed(number);
  return hash('sha256', JSON.stringify([seed, ...labels]), 'buffer').readUInt32LE();
}
