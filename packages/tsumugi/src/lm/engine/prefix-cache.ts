// States of beginnings that were read, to be gone on from: within a number of bytes, the least recently used goes first.
//
// A Mamba state cannot be cut short, so a prompt can only go on from where a state was taken: where prompts part (the engine
// sees which do), and at the end of a text that is remembered.
import type { Cache } from '../cache.ts';
import { PrefixTree } from './prefix-tree.ts';

interface Entry {
  ids: readonly number[];
  cache: Cache;
  bytes: number;
}

export class PrefixCache implements Disposable {
  readonly #limit: number;
  readonly #tree = new PrefixTree<Entry>();
  /** The least recently used first. */
  readonly #entries = new Set<Entry>();
  #bytes = 0;

  /** @param limit bytes that the states may take together */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A copy of the longest state that `ids` go on from, and where what is kept parts from them. */
  find(ids: readonly number[]): { cache: Cache | undefined; parting: readonly number[] } {
    const { beginning, parting } = this.#tree.find(ids);
    if (beginning) this.#touch(beginning);
    return { cache: beginning?.cache.fork(), parting };
  }

  /** Takes over the state after `ids`. */
  put(ids: readonly number[], cache: Cache): void {
    const known = this.#tree.get(ids);
    const bytes = cache.bytes;
    if (known || bytes > this.#limit) {
      cache.dispose();
      if (known) this.#touch(known);
      return;
    }
    const entry = { ids, cache, bytes };
    this.#tree.set(ids, entry);
    this.#entries.add(entry);
    this.#bytes += bytes;
    for (const oldest of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      this.#drop(oldest);
    }
  }

  #touch(entry: Entry): void {
    this.#entries.delete(entry);
    this.#entries.add(entry);
  }

  #drop(entry: Entry): void {
    this.#tree.delete(entry.ids);
    this.#entries.delete(entry);
    this.#bytes -= entry.bytes;
    entry.cache.dispose();
  }

  [Symbol.dispose](): void {
    for (const entry of this.#entries) this.#drop(entry);
  }
}
