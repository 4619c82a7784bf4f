// Guesses that a text goes on as it did where the same few tokens stood before: answers quote their prompts, and repeat themselves.
import { checkCount, checkOptions } from '../../../base/index.ts';
import type { Proposer } from './proposer.ts';

export interface PromptLookupOptions {
  /** Tokens that are proposed at most. Default 8. */
  most?: number | undefined;
  /** As many of the last tokens are looked for, and fewer where they are not found. Default 4. */
  longest?: number | undefined;
  /** No fewer than these. Default 2. */
  shortest?: number | undefined;
}

export class PromptLookup implements Proposer {
  readonly #most: number;
  readonly #lengths: readonly number[];
  /** Behind which place each run of tokens stood last. */
  readonly #places = new Map<string, number>();
  /** Ids whose runs have been taken down. */
  #known = 0;

  constructor(options: PromptLookupOptions = {}) {
    checkOptions('PromptLookup', options, { most: true, longest: true, shortest: true });
    const { most = 8, longest = 4, shortest = Math.min(2, longest) } = options;
    checkCount('most', most, 1, 64);
    checkCount('longest', longest, 1, 16);
    checkCount('shortest', shortest, 1, longest);
    this.#most = most;
    this.#lengths = Array.from({ length: longest - shortest + 1 }, (_, i) => longest - i);
  }

  /** What it costs follows from the new ids alone. */
  propose(ids: readonly number[], most: number): readonly number[] {
    // What ends with the last id is not followed by anything yet.
    for (; this.#known < ids.length - 1; this.#known++)
      for (const length of this.#lengths)
        if (this.#known + 1 >= length) this.#places.set(run(ids, this.#known + 1, length), this.#known + 1);
    for (const length of this.#lengths) {
      const place = ids.length >= length ? this.#places.get(run(ids, ids.length, length)) : undefined;
      if (place !== undefined) return ids.slice(place, place + Math.min(most, this.#most));
    }
    return [];
  }

  [Symbol.dispose](): void {
    this.#places.clear();
  }
}

/** The `length` ids in front of a place. */
const run = (ids: readonly number[], end: number, length: number): string => ids.slice(end - length, end).join(' ');
