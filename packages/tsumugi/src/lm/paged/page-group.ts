// The pages of attention layers that reach equally far back: a page holds so many tokens' keys and values in all of them.
import { dtypeBytes } from '../../torch/index.ts';
import type { CacheOwner } from '../cache.ts';
import type { KeyPool } from '../ops/paged-attention.ts';
import { RowNumbers } from './row-numbers.ts';
import { RowStore } from './row-store.ts';

export interface PageOptions {
  /** Tokens of a page. */
  page: number;
  /** Bytes that all pages may take. */
  bytes: number;
}

export class PageGroup implements Disposable {
  /** Keys a query sees before itself; null = all. */
  readonly window: number | null;
  /** Tokens of a page. */
  readonly page: number;
  /** Bytes of a page, in all layers. */
  readonly pageBytes: number;
  readonly numbers = new RowNumbers();
  /** By layer of the model: [pages, page, K, d] each. */
  readonly #stores = new Map<number, { k: RowStore; v: RowStore }>();

  constructor(owner: CacheOwner, window: number | null, layers: readonly number[], { page, bytes }: PageOptions) {
    this.window = window;
    this.page = page;
    const { config, parameterDType: dtype, parameterDevice: device } = owner;
    const shape = [page, config.num_key_value_heads, config.hidden_size_per_head] as const;
    this.pageBytes = 2 * layers.length * shape[0] * shape[1] * shape[2] * dtypeBytes(dtype);
    const most = Math.max(1, Math.floor(bytes / this.pageBytes));
    for (const layer of layers) {
      const [k, v] = [0, 1].map(() => new RowStore(shape, most, { dtype, device })) as [RowStore, RowStore];
      this.#stores.set(layer, { k, v });
    }
  }

  get usedBytes(): number {
    return this.numbers.used * this.pageBytes;
  }

  pool(layer: number): KeyPool {
    const { k, v } = this.#stores.get(layer)!;
    return { k: k.rows, v: v.rows };
  }

  take(): number {
    const number = this.numbers.take();
    for (const store of this.#all()) store.makeRoom(number);
    return number;
  }

  copy(from: number, to: number): void {
    for (const store of this.#all()) store.copy(from, to);
  }

  #all(): RowStore[] {
    return [...this.#stores.values()].flatMap(({ k, v }) => [k, v]);
  }

  [Symbol.dispose](): void {
    for (const store of this.#all()) store[Symbol.dispose]();
  }
}
