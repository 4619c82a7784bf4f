// Memory for the texts of one model that are read and written, and for beginnings that are kept: one number of bytes for all.
import { invariant } from '../../base/index.ts';
import { Cache, type CacheOwner } from '../cache.ts';
import { cacheBytes } from '../cache-bytes.ts';
import { CacheFull } from './cache-full.ts';
import { PagedSequence } from './paged-sequence.ts';

export interface CachePoolOptions {
  /** What all sequences may take together. */
  bytes: number;
  /** Tokens of a page. Default 64. */
  pageTokens?: number | undefined;
}

export class CachePool implements Disposable {
  readonly owner: CacheOwner;
  readonly limit: number;
  readonly #sequences = new Set<PagedSequence>();

  constructor(owner: CacheOwner, options: CachePoolOptions) {
    this.owner = owner;
    this.limit = options.bytes;
  }

  /** Bytes in use. */
  get used(): number {
    return [...this.#sequences].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** An empty sequence. */
  begin(): PagedSequence {
    return this.adopt(new Cache(this.owner));
  }

  adopt(cache: Cache): PagedSequence {
    const sequence = new PagedSequence(this, cache);
    this.#sequences.add(sequence);
    return sequence;
  }

  forget(sequence: PagedSequence): void {
    this.#sequences.delete(sequence);
  }

  /** What one sequence of so many tokens takes. */
  bytesFor(tokens: number): number {
    return cacheBytes(this.owner.config, tokens);
  }

  /** What appending so many tokens to a sequence would take now. */
  bytesToGrow(sequence: PagedSequence, tokens: number): number {
    return this.bytesFor(sequence.length + tokens) - sequence.bytes;
  }

  /** @throws CacheFull when these bytes more are not there */
  require(bytes: number): void {
    if (this.used + bytes > this.limit) throw new CacheFull(bytes, this.limit - this.used);
  }

  [Symbol.dispose](): void {
    for (const sequence of [...this.#sequences]) sequence[Symbol.dispose]();
    invariant(this.#sequences.size === 0, 'nothing is left in the pool');
  }
}
