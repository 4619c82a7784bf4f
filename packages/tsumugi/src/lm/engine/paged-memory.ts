// The engine's memory: a pool of pages and state slots, and the passes over it.
import { CachePool } from '../paged/cache-pool.ts';
import { decodeRows, readOn, readPiece } from '../paged/decode-rows.ts';
import type { PagedSequence } from '../paged/paged-sequence.ts';
import { loadSequence, type SavedTensor, saveSequence } from '../paged/saved-sequence.ts';
import type { LanguageModel } from '../types.ts';
import type { Row, TextMemory, TextState } from './memory.ts';

/** The memory gives no other states than these. */
const own = (state: TextState) => state as PagedSequence;

export class PagedMemory implements TextMemory {
  readonly #model: LanguageModel;
  readonly #pool: CachePool;
  readonly #piece: number;

  /** @param bytes for all states together, @param piece tokens of a prompt that are read at once, at most */
  constructor(model: LanguageModel, bytes: number, piece: number) {
    this.#model = model;
    this.#piece = piece;
    this.#pool = new CachePool(model, { bytes });
  }

  get limit(): number {
    return this.#pool.limit;
  }

  get used(): number {
    return this.#pool.used;
  }

  begin(): TextState {
    return this.#pool.begin();
  }

  bytesFor(tokens: number): number {
    return this.#pool.bytesFor(tokens, this.#piece);
  }

  bytesToGrow(state: TextState, tokens: number): number {
    return this.#pool.bytesToGrow(own(state), tokens);
  }

  bytesToDecode(state: TextState, ids: number): number {
    return this.#pool.bytesToDecode(own(state), ids);
  }

  read(ids: readonly number[], state: TextState) {
    return readPiece(this.#model, ids, own(state));
  }

  readOn(ids: readonly number[], state: TextState): void {
    readOn(this.#model, ids, own(state));
  }

  decode(rows: readonly Row[]) {
    const asked = rows.map(({ state, ids }) => ({ sequence: own(state), ids }));
    return decodeRows(this.#model, asked);
  }

  save(state: TextState): SavedTensor[] {
    return saveSequence(own(state));
  }

  load(length: number, saved: readonly SavedTensor[]): TextState {
    return loadSequence(this.#pool, length, saved);
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }
}
