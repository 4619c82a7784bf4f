// For tests: the engine's memory in the plainest way, a `Cache` for each text and a pass for each token, whose passes are taken down.
import { Cache, type CacheOwner } from '../cache.ts';
import { cacheBytes } from '../cache-bytes.ts';
import { CacheFull } from '../paged/cache-full.ts';
import type { LanguageModel } from '../types.ts';
import type { TextMemory, TextState } from './memory.ts';
import { nextLogits } from './plain-pass.testing.ts';

class PlainState implements TextState {
  readonly #memory: PlainMemory;
  #cache: Cache;
  /** After each of the ids that were decoded last. */
  steps: Cache[] = [];

  constructor(memory: PlainMemory, cache: Cache) {
    this.#memory = memory;
    this.#cache = cache;
    memory.require(memory.bytesFor(cache.length));
    memory.states.add(this);
  }

  get cache(): Cache {
    return this.#cache;
  }

  get length(): number {
    return this.#cache.length;
  }

  get bytes(): number {
    return this.#memory.bytesFor(this.length);
  }

  fork(): TextState {
    this.#memory.require(this.bytes);
    return new PlainState(this.#memory, this.#cache.fork());
  }

  keep(count: number): void {
    const kept = this.steps[count - 1];
    if (kept) {
      this.#cache.dispose();
      this.#cache = kept;
    }
    for (const step of this.steps) if (step !== kept) step.dispose();
    this.steps = [];
  }

  [Symbol.dispose](): void {
    this.keep(Number.POSITIVE_INFINITY);
    this.#cache.dispose();
    this.#memory.states.delete(this);
  }
}

export class PlainMemory implements TextMemory {
  readonly #model: LanguageModel & CacheOwner;
  readonly limit: number;
  readonly states = new Set<PlainState>();
  /** Of each pass: how many texts, and how many tokens of each. */
  readonly passes: [texts: number, tokens: number][] = [];

  constructor(model: LanguageModel, limit = Number.MAX_SAFE_INTEGER) {
    this.#model = model;
    this.limit = limit;
  }

  get used(): number {
    let used = 0;
    for (const { bytes } of this.states) used += bytes;
    return used;
  }

  bytesFor(tokens: number): number {
    return cacheBytes(this.#model.config, tokens);
  }

  bytesToGrow(state: TextState, tokens: number): number {
    return this.bytesFor(state.length + tokens) - state.bytes;
  }

  require(bytes: number): void {
    if (this.used + bytes > this.limit) throw new CacheFull(bytes, this.limit - this.used);
  }

  begin(): TextState {
    return new PlainState(this, new Cache(this.#model));
  }

  read(ids: readonly number[], state: TextState) {
    this.require(this.bytesToGrow(state, ids.length));
    this.passes.push([1, ids.length]);
    return nextLogits(this.#model, ids, (state as PlainState).cache);
  }

  decode(rows: readonly { state: TextState; ids: readonly number[] }[]) {
    this.require(rows.reduce((sum, { state, ids }) => sum + this.bytesToGrow(state, ids.length), 0));
    this.passes.push([rows.length, rows[0]!.ids.length]);
    return rows.map(({ state, ids }) => {
      const own = state as PlainState;
      own.keep(Number.POSITIVE_INFINITY);
      return ids.map((id, i) => {
        const logits = nextLogits(this.#model, [id], own.cache);
        if (i < ids.length - 1) own.steps.push(own.cache.fork());
        return logits;
      });
    });
  }

  [Symbol.dispose](): void {
    for (const state of [...this.states]) state[Symbol.dispose]();
  }
}
