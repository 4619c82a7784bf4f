// Guesses that a text goes on as a smaller model of the same vocabulary has it.
import { checkCount, checkOptions } from '../../../base/index.ts';
import { CacheFull } from '../../paged/cache-full.ts';
import { CachePool } from '../../paged/cache-pool.ts';
import { decodeRows, readOn, readPiece } from '../../paged/decode-rows.ts';
import type { PagedSequence } from '../../paged/paged-sequence.ts';
import { likeliest } from '../../sampling/candidates.ts';
import type { Logits } from '../../sampling.ts';
import type { LanguageModel } from '../../types.ts';
import type { Proposer } from './proposer.ts';

export interface DraftOptions {
  /** Tokens that are proposed at most. Default 4. */
  most?: number | undefined;
  /** Memory for what the draft model remembers of all texts. Default 256 MiB. */
  bytes?: number | undefined;
}

/**
 * Tokens that are read before a guess: a pass of the model waits for no more than these. Of a longer prompt a piece is read at a time, and
 * nothing guessed until it has been read.
 */
const PIECE = 256;
/** More than these are read as a piece of a prompt, which keeps no states in between. */
const FEW = 16;

/** A draft model, for any number of texts at the same time. */
export class Draft implements Disposable {
  readonly #model: LanguageModel;
  readonly #pool: CachePool;
  readonly #most: number;

  constructor(model: LanguageModel, options: DraftOptions = {}) {
    checkOptions('Draft', options, { most: true, bytes: true });
    const { most = 4, bytes = 256 << 20 } = options;
    checkCount('most', most, 1, 64);
    checkCount('bytes', bytes, 1);
    this.#model = model;
    this.#most = most;
    this.#pool = new CachePool(model, { bytes });
  }

  /** For one text. */
  proposer(): Proposer {
    return new DraftProposer(this.#model, this.#pool, this.#most);
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }
}

class DraftProposer implements Proposer {
  readonly #model: LanguageModel;
  readonly #pool: CachePool;
  readonly #most: number;
  /** What it remembers of the text itself; guesses go on from a copy. */
  #state: PagedSequence | undefined;
  /** What it guessed behind all that `#state` has read. */
  #guessed: readonly number[] = [];
  /** There was no room for the text, or it has tokens that the draft does not know: there are no ideas any more. */
  #over = false;

  constructor(model: LanguageModel, pool: CachePool, most: number) {
    this.#model = model;
    this.#pool = pool;
    this.#most = most;
  }

  propose(ids: readonly number[], most: number): readonly number[] {
    const count = Math.min(most, this.#most);
    if (count < 1 || this.#over) return [];
    // A pass that is put off for want of memory asks again.
    if (ids.length === this.#state?.length) return this.#guessed.slice(0, count);
    try {
      const logits = this.#read(ids);
      this.#guessed = logits ? this.#guess(logits, count) : [];
      return this.#guessed;
    } catch (error) {
      if (!(error instanceof CacheFull)) throw error;
      return this.#giveUp();
    }
  }

  /** Undefined until the whole text has been read. */
  #read(ids: readonly number[]): Logits | undefined {
    this.#state ??= this.#pool.begin();
    const state = this.#state;
    const fresh = ids.slice(state.length, state.length + PIECE);
    if (fresh.some((id) => id >= this.#model.config.vocab_size)) {
      this.#giveUp();
      return undefined;
    }
    if (state.length + fresh.length < ids.length) {
      readOn(this.#model, fresh, state);
      return undefined;
    }
    if (state.length === 0 || fresh.length > FEW) return readPiece(this.#model, fresh, state);
    return decodeRows(this.#model, [{ sequence: state, ids: fresh }])[0]!.at(-1)!;
  }

  #giveUp(): readonly number[] {
    this[Symbol.dispose]();
    this.#over = true;
    return [];
  }

  #guess(logits: Logits, count: number): number[] {
    const guessed = [likeliest(logits)];
    using state = this.#state!.fork();
    while (guessed.length < count) {
      const [rows] = decodeRows(this.#model, [{ sequence: state, ids: guessed.slice(-1) }]);
      guessed.push(likeliest(rows![0]!));
    }
    return guessed;
  }

  [Symbol.dispose](): void {
    this.#state?.[Symbol.dispose]();
    this.#state = undefined;
  }
}
