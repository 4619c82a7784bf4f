// For tests: the engine's memory in the plainest way, a `Cache` for each text and a pass for each token, whose passes are taken down.
import { Cache, type CacheOwner } from '../cache.ts';
import { cacheBytes } from '../cache-bytes.ts';
import { CacheFull } from '../paged/cache-full.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';
import type { Row, TextMemory, TextState } from './memory.ts';
import { nextLogits } from './plain-pass.testing.ts';

/** A cache, and the texts that are remembered by it until they go on. */
interface Shared {
  readonly cache: Cache;
  texts: number;
}

class PlainState implements TextState {
  /** After each of the ids that were taken last, but for the last. */
  readonly #steps: Cache[] = [];
  readonly #memory: PlainMemory;
  #shared: Shared;

  constructor(memory: PlainMemory, shared: Shared) {
    this.#memory = memory;
    this.#shared = shared;
    shared.texts++;
    memory.states.add(this);
  }

  get shared(): Shared {
    return this.#shared;
  }

  get length(): number {
    return this.#shared.cache.length;
  }

  get bytes(): number {
    return this.length === 0 ? 0 : this.#memory.bytesFor(this.length);
  }

  fork(): TextState {
    return new PlainState(this.#memory, this.#shared);
  }

  /** Its cache, for nobody else. */
  own(): Cache {
    if (this.#shared.texts > 1) {
      this.#shared.texts--;
      this.#shared = { cache: this.#shared.cache.fork(), texts: 1 };
    }
    return this.#shared.cache;
  }

  /** Takes ids one by one, and keeps what it was after each. */
  take(ids: readonly number[], pass: (id: number, cache: Cache) => Logits): Logits[] {
    this.#forget();
    return ids.map((id, i) => {
      const logits = pass(id, this.own());
      if (i < ids.length - 1) this.#steps.push(this.own().fork());
      return logits;
    });
  }

  keep(count: number): void {
    const kept = this.#steps.splice(count - 1, 1)[0];
    if (kept) {
      this.own().dispose();
      this.#shared = { cache: kept, texts: 1 };
    }
    this.#forget();
  }

  #forget(): void {
    for (const step of this.#steps.splice(0)) step.dispose();
  }

  [Symbol.dispose](): void {
    this.#forget();
    if (--this.#shared.texts === 0) this.#shared.cache.dispose();
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
    const each = new Map([...this.states].map(({ shared, bytes }) => [shared, bytes]));
    return [...each.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  bytesFor(tokens: number): number {
    return cacheBytes(this.#model.config, tokens);
  }

  bytesToDecode(state: TextState, ids: number): number {
    return this.bytesToGrow(state, ids);
  }

  bytesToGrow(state: TextState, tokens: number): number {
    const isShared = (state as PlainState).shared.texts > 1;
    return this.bytesFor(state.length + tokens) - (isShared ? 0 : state.bytes);
  }

  #require(bytes: number): void {
    if (this.used + bytes > this.limit) throw new CacheFull(bytes, this.limit - this.used);
  }

  begin(): TextState {
    return new PlainState(this, { cache: new Cache(this.#model), texts: 0 });
  }

  read(ids: readonly number[], state: TextState) {
    this.#require(this.bytesToGrow(state, ids.length));
    this.passes.push([1, ids.length]);
    return nextLogits(this.#model, ids, (state as PlainState).own());
  }

  readOn(ids: readonly number[], state: TextState): void {
    this.read(ids, state);
  }

  decode(rows: readonly Row[]) {
    this.#require(rows.reduce((sum, { state, ids }) => sum + this.bytesToGrow(state, ids.length), 0));
    this.passes.push([rows.length, Math.max(...rows.map(({ ids }) => ids.length))]);
    return rows.map(({ state, ids }) =>
      (state as PlainState).take(ids, (id, cache) => nextLogits(this.#model, [id], cache)),
    );
  }

  save(): never {
    throw new Error('a plain memory saves nothing');
  }

  load(): never {
    throw new Error('a plain memory loads nothing');
  }

  [Symbol.dispose](): void {
    for (const state of [...this.states]) state[Symbol.dispose]();
  }
}
