// What one text is remembered by: pages of its keys and values, and a slot of states. A fork shares all of it; whichever of the two goes
// on first takes what it writes in as its own.
import { invariant } from '../../base/index.ts';
import type { CachePool } from './cache-pool.ts';
import { PageList } from './page-list.ts';
import { EMPTY_SLOT } from './state-slots.ts';

/** What taking in the next tokens takes. */
export interface Growth {
  bytes: number;
  /** Of the pool's page groups, in order: the first position that is kept of the new tokens. */
  from: number[];
}

/** Slots of the rows that take a text's next ids, one for each. */
export interface SlotChain {
  from: number[];
  to: number[];
}

export class PagedSequence implements Disposable {
  readonly pool: CachePool;
  #length = 0;
  readonly #lists: PageList[];
  /** Its states, after `length` tokens. */
  #slot = EMPTY_SLOT;
  /** After several ids: the states after each of them, and the length before them. Gone when some are kept. */
  #steps: { slots: number[]; before: number } | undefined;
  #disposed = false;

  /** Use `CachePool.begin` or `fork`. */
  constructor(pool: CachePool, from?: PagedSequence) {
    this.pool = pool;
    this.#lists = from ? from.#lists.map((list) => list.fork()) : pool.groups.map((group) => new PageList(group));
    if (!from) return;
    this.#length = from.#length;
    this.#slot = from.#slot;
    if (this.#slot !== EMPTY_SLOT) pool.slots.numbers.share(this.#slot);
  }

  /** Tokens taken in. */
  get length(): number {
    return this.#length;
  }

  /** Of its pages and states, those that it shares included. */
  get bytes(): number {
    const pages = this.#lists.reduce((sum, list) => sum + list.count * list.group.pageBytes, 0);
    const slots = (this.#steps?.slots.length ?? 1) - Number(this.#slot === EMPTY_SLOT);
    return pages + slots * this.pool.slots.slotBytes;
  }

  get lists(): readonly PageList[] {
    return this.#lists;
  }

  /** The slot of its states. */
  get slot(): number {
    return this.#slot;
  }

  /** One that goes on from here, apart from this one. Takes no bytes until one of the two goes on. */
  fork(): PagedSequence {
    this.keepAll();
    return this.pool.adopt(new PagedSequence(this.pool, this));
  }

  /**
   * What the next tokens take: as rows of a decoding pass, or as a piece, of which a window keeps the end only, with its last state.
   */
  growth(tokens: number, way: 'rows' | 'piece'): Growth {
    const to = this.#length + tokens;
    const from = this.#lists.map((list) => (way === 'rows' ? this.#length : Math.max(this.#length, list.reachOf(to))));
    const pages = this.#lists.reduce((sum, list, i) => sum + list.needed(from[i]!, to) * list.group.pageBytes, 0);
    const slots = Number(this.#needsSlot) + (way === 'rows' ? tokens - 1 : 0);
    return { bytes: pages + slots * this.pool.slots.slotBytes, from };
  }

  get #needsSlot(): boolean {
    return this.#slot === EMPTY_SLOT || this.pool.slots.numbers.isShared(this.#slot);
  }

  /** Takes pages and slots for the next tokens; `took` or `abandon` must follow. */
  prepare(tokens: number, way: 'rows' | 'piece'): SlotChain {
    const to = this.#length + tokens;
    const { from } = this.growth(tokens, way);
    for (const [i, list] of this.#lists.entries()) list.prepare(from[i]!, to);
    const { slots } = this.pool;
    const chain: SlotChain = { from: [this.#slot], to: [this.#needsSlot ? slots.take() : this.#slot] };
    for (let i = 1; way === 'rows' && i < tokens; i++) {
      chain.from.push(chain.to.at(-1)!);
      chain.to.push(slots.take());
    }
    return chain;
  }

  /** The tokens that were prepared for are in. */
  took(tokens: number, { from, to }: SlotChain): void {
    if (to[0] !== from[0]) this.#giveBack(from[0]!);
    if (to.length > 1) this.#steps = { slots: to, before: this.#length };
    this.#slot = to.at(-1)!;
    this.#length += tokens;
    this.#dropUnseen();
  }

  /** The tokens that were prepared for are not in. Where its states were its own they may have changed: it is of no use any more. */
  abandon({ from, to }: SlotChain): void {
    for (const slot of to) if (slot !== from[0]) this.#giveBack(slot);
    for (const list of this.#lists) list.cut(this.#length);
  }

  /**
   * After a pass with several ids: accepts the first `count` of them, one at least, and drops the others. Copies nothing. Where it is not
   * called, all are accepted.
   */
  keep(count: number): void {
    const { slots, before } = this.#steps ?? { slots: [this.#slot], before: this.#length - 1 };
    invariant(
      Number.isInteger(count) && count >= 1 && count <= slots.length,
      'one of the ids that were taken last is kept',
    );
    this.#steps = undefined;
    this.#slot = slots[count - 1]!;
    for (const slot of slots) if (slot !== this.#slot) this.#giveBack(slot);
    this.#length = before + count;
    for (const list of this.#lists) list.cut(this.#length);
    this.#dropUnseen();
  }

  keepAll(): void {
    if (this.#steps) this.keep(this.#steps.slots.length);
  }

  /** Gives back the pages behind the windows; while ids can still be dropped, behind those of the first that stays. */
  #dropUnseen(): void {
    const certain = this.#steps ? this.#steps.before + 1 : this.#length;
    for (const list of this.#lists) list.dropBefore(list.reachOf(certain));
  }

  #giveBack(slot: number): void {
    if (slot !== EMPTY_SLOT) this.pool.slots.numbers.giveBack(slot);
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.keepAll();
    for (const list of this.#lists) list.cut(0);
    this.#giveBack(this.#slot);
    this.pool.forget(this);
  }
}
