// The sequences that take a token in each pass. One that runs alone works in a cache of its own, where its pass is fastest;
// several share a BatchCache.
import { invariant } from '../../base/index.ts';
import { BatchCache } from '../batch-cache.ts';
import type { Cache } from '../cache.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import { nextLogits, nextLogitsOfBatch } from './pass.ts';
import type { Sequence } from './sequence.ts';

export class Running implements Disposable {
  readonly #model: LanguageModel;
  readonly #slots: number;
  /** In the order of the batch's rows. Either there is one, with a cache of its own, or none has. */
  readonly #sequences: Sequence[] = [];
  #batch: BatchCache | undefined;

  constructor(model: LanguageModel, slots: number) {
    this.#model = model;
    this.#slots = slots;
  }

  get all(): readonly Sequence[] {
    return this.#sequences;
  }

  join(sequence: Sequence): void {
    this.#sequences.push(sequence);
    if (this.#sequences.length === 1) return;
    this.#batch ??= new BatchCache(this.#model, { slots: this.#slots });
    for (const each of this.#sequences) {
      if (!each.cache) continue;
      this.#batch.admit(each.cache);
      each.cache.dispose();
      each.cache = undefined;
    }
  }

  /** Has every sequence read its last id. Returns the logits of what comes next, a row for each of `all`. */
  pass(): Logits[] {
    const [first, ...others] = this.#sequences;
    invariant(first, 'something runs');
    if (others.length === 0) {
      if (!first.cache) {
        first.cache = this.#batch!.extract(0);
        this.#batch!.release(0);
      }
      return [nextLogits(this.#model, [first.last], first.cache)];
    }
    const ids = this.#sequences.map(({ last }) => last);
    const logits = nextLogitsOfBatch(this.#model, ids, this.#batch!);
    const V = logits.length / ids.length;
    return ids.map((_, i) => logits.subarray(i * V, (i + 1) * V));
  }

  /** Takes a sequence out; its state, where that is wanted. The last one takes its place. When none is left, nothing is held. */
  remove(sequence: Sequence, wanted: boolean): Cache | undefined {
    const i = this.#sequences.indexOf(sequence);
    const own = sequence.cache;
    sequence.cache = undefined;
    try {
      if (!own && wanted) return this.#batch!.extract(i);
      if (wanted) return own;
      own?.dispose();
      return undefined;
    } finally {
      if (!own) this.#batch!.release(i);
      this.#sequences[i] = this.#sequences.at(-1)!;
      this.#sequences.pop();
      // Its rows have grown with the longest text.
      if (this.#sequences.length === 0) this[Symbol.dispose]();
    }
  }

  /** Frees everything. */
  [Symbol.dispose](): void {
    for (const { cache } of this.#sequences) cache?.dispose();
    for (const sequence of this.#sequences) sequence.cache = undefined;
    this.#sequences.length = 0;
    this.#batch?.[Symbol.dispose]();
    this.#batch = undefined;
  }
}
