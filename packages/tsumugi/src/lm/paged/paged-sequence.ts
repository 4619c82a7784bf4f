// What one text is remembered by.
import { invariant } from '../../base/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Cache } from '../cache.ts';
import type { CachePool } from './cache-pool.ts';

/** A part of what is saved. */
export interface SavedTensor {
  name: string;
  tensor: Tensor;
}

export class PagedSequence implements Disposable {
  readonly pool: CachePool;
  cache: Cache;
  /** What it was after each of the ids that were decoded last, until some are kept. */
  steps: Cache[] = [];

  constructor(pool: CachePool, cache: Cache) {
    this.pool = pool;
    this.cache = cache;
  }

  /** Tokens taken in. */
  get length(): number {
    return this.cache.length;
  }

  get bytes(): number {
    return this.pool.bytesFor(this.length);
  }

  /** One that goes on from here, apart from this one. */
  fork(): PagedSequence {
    this.keepAll();
    return this.pool.adopt(this.cache.fork());
  }

  /** Accepts the first `count` (1 …) of the ids that were decoded last, and drops the others. */
  keep(count: number): void {
    invariant(count >= 1 && count <= this.steps.length + 1, 'one of the ids decoded last is kept');
    const kept = this.steps[count - 1];
    if (kept) {
      this.cache.dispose();
      this.cache = kept;
    }
    for (const step of this.steps) if (step !== kept) step.dispose();
    this.steps = [];
  }

  keepAll(): void {
    this.keep(this.steps.length + 1);
  }

  [Symbol.dispose](): void {
    this.keepAll();
    this.cache.dispose();
    this.pool.forget(this);
  }
}
