// Memory for the texts of one model that are read and written, and for beginnings that are kept: pages of keys and values, and slots of
// states, under one number of bytes.
//
//   page    keys and values of so many tokens (64), in all attention layers of one window: a group
//   slot    the states of a text in all Mamba layers
//   row     of a pass: one id of one text. Of a store: a page or a slot, by its number, with a count of the texts that have it
//
//   T tokens   V vocabulary   D model width   H query heads   K key/value heads   d head size
//   m Mamba heads   P head size   N state size   k taps   C = m·P channels of the convolution
//   k, v [pages, page, K, d]   conv [slots, k−1, C]   ssm [slots, m, P, N]
import { checkCount, checkOptions, invariant, type OptionNames } from '../../base/index.ts';
import type { CacheOwner } from '../cache.ts';
import { isMamba, windowOf } from '../config.ts';
import { CacheFull } from './cache-full.ts';
import { PageGroup } from './page-group.ts';
import { PagedSequence } from './paged-sequence.ts';
import { StateSlots } from './state-slots.ts';

export interface CachePoolOptions {
  /** What all sequences may take together. */
  bytes: number;
  /** Tokens of a page. Default 64. */
  pageTokens?: number | undefined;
}

const poolOptions: OptionNames<CachePoolOptions> = { bytes: true, pageTokens: true };

export class CachePool implements Disposable {
  readonly owner: CacheOwner;
  readonly limit: number;
  /** Of attention layers, one for each window. */
  readonly groups: readonly PageGroup[];
  /** Of each layer of the model: its group; undefined for Mamba layers. */
  readonly groupOf: readonly (PageGroup | undefined)[];
  readonly slots: StateSlots;
  readonly #sequences = new Set<PagedSequence>();

  constructor(owner: CacheOwner, options: CachePoolOptions) {
    checkOptions('CachePool', options, poolOptions);
    const { bytes, pageTokens: page = 64 } = options;
    checkCount('bytes', bytes, 1);
    checkCount('pageTokens', page, 1);
    const { config } = owner;
    this.owner = owner;
    this.limit = bytes;
    const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => i);
    const attention = layers.filter((i) => !isMamba(config, i));
    const windows = [...new Set(attention.map((i) => windowOf(config, i)))];
    const layersOf = (window: number | null) => attention.filter((i) => windowOf(config, i) === window);
    this.groups = windows.map((window) => new PageGroup(owner, window, layersOf(window), { page, bytes }));
    this.groupOf = layers.map((i) =>
      isMamba(config, i) ? undefined : this.groups[windows.indexOf(windowOf(config, i))],
    );
    this.slots = new StateSlots(
      owner,
      layers.filter((i) => isMamba(config, i)),
      bytes,
    );
  }

  /** Bytes in use; what several sequences share counts once. */
  get used(): number {
    return this.groups.reduce((sum, { usedBytes }) => sum + usedBytes, this.slots.usedBytes);
  }

  /** An empty sequence. */
  begin(): PagedSequence {
    return this.adopt(new PagedSequence(this));
  }

  adopt(sequence: PagedSequence): PagedSequence {
    this.#sequences.add(sequence);
    return sequence;
  }

  forget(sequence: PagedSequence): void {
    this.#sequences.delete(sequence);
  }

  /** What one sequence takes at most on its way to so many tokens, in pieces of at most `piece` that end anywhere, and then one by one. */
  bytesFor(tokens: number, piece = 256): number {
    if (tokens === 0) return 0;
    const pages = this.groups.map(({ window, page, pageBytes }) => {
      const all = Math.ceil(tokens / page);
      if (window === null) return all * pageBytes;
      // What is in reach of a piece stays until it is read, beside what is in reach of the next; a long one has others in between.
      const touched = (length: number) => Math.ceil((length - 1) / page) + 1;
      const inReach = piece > window ? 2 * touched(window) : touched(window + piece);
      return Math.min(all, inReach) * pageBytes;
    });
    return pages.reduce((sum, bytes) => sum + bytes, this.slots.slotBytes);
  }

  /** What reading a piece of so many tokens would take now, or one token of a decoding pass: copies of what is shared included. */
  bytesToGrow(sequence: PagedSequence, tokens: number): number {
    return sequence.growth(tokens, tokens === 1 ? 'rows' : 'piece').bytes;
  }

  /** What taking so many ids in a decoding pass would take now, with the states after each of them. */
  bytesToDecode(sequence: PagedSequence, ids: number): number {
    return sequence.growth(ids, 'rows').bytes;
  }

  /** @throws CacheFull when these bytes more are not there */
  require(bytes: number): void {
    if (this.used + bytes > this.limit) throw new CacheFull(bytes, this.limit - this.used);
  }

  /** Frees all, sequences too. */
  [Symbol.dispose](): void {
    for (const sequence of [...this.#sequences]) sequence[Symbol.dispose]();
    invariant(this.used === 0, 'nothing is left in the pool');
    for (const group of this.groups) group[Symbol.dispose]();
    this.slots[Symbol.dispose]();
  }
}
