// What an engine knows of how prompts begin: states that were kept, and the prompts that are open, whose beginnings are worth
// keeping where they part.
import { Cache, type CacheOwner } from '../cache.ts';
import { PrefixCache } from './prefix-cache.ts';
import { PrefixTree } from './prefix-tree.ts';

/** Beginnings shorter than this, or longer than a kept one by less, are cheaper read again than kept. */
const SHORTEST_SHARED = 32;

export class Beginnings implements Disposable {
  readonly #model: CacheOwner;
  /** Undefined when nothing is to be kept. */
  readonly #states: PrefixCache | undefined;
  /** The prompts that wait, are read or run, and how often each is asked. */
  readonly #open = new PrefixTree<number>();

  /** @param limit bytes that states may take */
  constructor(model: CacheOwner, limit: number) {
    this.#model = model;
    this.#states = limit > 0 ? new PrefixCache(limit) : undefined;
  }

  get keepsStates(): boolean {
    return this.#states !== undefined;
  }

  get bytes(): number {
    return this.#states?.bytes ?? 0;
  }

  /** Counts a prompt among those that are open. */
  add(prompt: readonly number[]): void {
    if (this.#states) this.#open.set(prompt, (this.#open.get(prompt) ?? 0) + 1);
  }

  /** Takes a prompt out of those that are open. */
  remove(prompt: readonly number[]): void {
    if (!this.#states) return;
    const left = (this.#open.get(prompt) ?? 0) - 1;
    if (left > 0) this.#open.set(prompt, left);
    else this.#open.delete(prompt);
  }

  /** A cache with as much of a prompt as is known, and the lengths at which its state is to be kept while it is read. */
  begin(prompt: readonly number[]): { cache: Cache; keepAt: number[] } {
    if (!this.#states) return { cache: new Cache(this.#model), keepAt: [] };
    this.remove(prompt); // Others of the same ids count.
    const { parting } = this.#open.find(prompt);
    this.add(prompt);
    const known = this.#states.find(prompt);
    const cache = known.cache ?? new Cache(this.#model);
    const keepAt: number[] = [];
    for (const place of [...parting, ...known.parting].sort((a, b) => a - b))
      if (place - (keepAt.at(-1) ?? cache.length) >= SHORTEST_SHARED) keepAt.push(place);
    return { cache, keepAt };
  }

  /** Takes over the state after `ids`. */
  keep(ids: readonly number[], cache: Cache): void {
    if (this.#states) this.#states.put(ids, cache);
    else cache.dispose();
  }

  [Symbol.dispose](): void {
    this.#states?.[Symbol.dispose]();
  }
}
