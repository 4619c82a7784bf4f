// States after prefixes that were read or written, to be gone on from. They share the memory of the texts that are being written: those
// come first, and of the states the least recently used goes first.
import type { Logits } from '../sampling.ts';
import type { KnownPrefixes } from './known-prefixes.ts';
import type { TextMemory, TextState } from './memory.ts';
import { PrefixTree } from './prefix-tree.ts';

/** Where a state belongs: after pieces that were read, or after ids of which some were written. */
export type Place = { readonly key: string } | WrittenPlace;

interface WrittenPlace {
  readonly tenant: string;
  readonly ids: readonly number[];
}

export interface Snapshot {
  readonly place: Place;
  readonly state: TextState;
  /** Of what comes next, where a prompt ended. */
  readonly logits: Logits | undefined;
}

/** Written texts whose state had to go, which are remembered so that it can be said. */
const MOST_GONE = 1024;

export class Snapshots implements Disposable {
  readonly #memory: TextMemory;
  readonly #known: KnownPrefixes;
  readonly #read = new Map<string, Snapshot>();
  /** By tenant; undefined for a state that had to go. */
  readonly #written = new Map<string, PrefixTree<{ snapshot: Snapshot | undefined }>>();
  readonly #gone = new Set<WrittenPlace>();
  /** The least recently used first. */
  readonly #byUse = new Set<Snapshot>();
  #logitBytes = 0;
  evictions = 0;

  constructor(memory: TextMemory, known: KnownPrefixes) {
    this.#memory = memory;
    this.#known = known;
  }

  get count(): number {
    return this.#byUse.size;
  }

  /** The most recently used first. */
  get all(): readonly Snapshot[] {
    return [...this.#byUse].reverse();
  }

  /** Bytes in use, of texts and snapshots. */
  get used(): number {
    return this.#memory.used + this.#logitBytes;
  }

  /** At least so many bytes are free when all snapshots have gone, besides those that are free now. @param held bytes that texts refer to */
  reclaimable(held: number): number {
    return Math.max(this.count * this.#memory.bytesFor(1), this.used - held);
  }

  /** After a piece that was read. */
  ofRead(key: string): Snapshot | undefined {
    return this.#read.get(key);
  }

  /** Of texts with written parts: states that the ids go on from, the shortest first, the one of all of them, and what is shared at most. */
  ofWritten(tenant: string, ids: readonly number[]) {
    const found = this.#written.get(tenant)?.find(ids);
    return { beginnings: found?.beginnings ?? [], whole: found?.whole?.snapshot, shared: found?.shared ?? 0 };
  }

  /** A state to go on from it. */
  take(snapshot: Snapshot): TextState {
    this.#touch(snapshot);
    return snapshot.state.fork();
  }

  /** Keeps a state, while its text goes on. */
  keep(place: Place, state: TextState, logits?: Logits): void {
    const known = this.#at(place);
    if (known && (known.logits || !logits)) this.#touch(known);
    else this.put(place, state.fork(), logits?.slice());
  }

  /** Takes over a state. */
  put(place: Place, state: TextState, logits?: Logits): void {
    const known = this.#at(place);
    if (known && (known.logits || !logits)) {
      state[Symbol.dispose]();
      this.#touch(known);
      return;
    }
    if (known) this.#drop(known, false);
    const snapshot = { place, state, logits };
    if ('key' in place) {
      this.#read.set(place.key, snapshot);
      this.#known.note(place.key, false);
    } else {
      if (!this.#written.has(place.tenant)) this.#written.set(place.tenant, new PrefixTree());
      this.#written.get(place.tenant)!.set(place.ids, { snapshot });
    }
    this.#byUse.add(snapshot);
    this.#logitBytes += logits?.byteLength ?? 0;
    while (this.used > this.#memory.limit && this.evictOldest());
  }

  #at(place: Place): Snapshot | undefined {
    if ('key' in place) return this.#read.get(place.key);
    return this.#written.get(place.tenant)?.get(place.ids)?.snapshot;
  }

  #touch(snapshot: Snapshot): void {
    this.#byUse.delete(snapshot);
    this.#byUse.add(snapshot);
  }

  /** The least recently used goes. */
  evictOldest(): boolean {
    const [oldest] = this.#byUse;
    if (!oldest) return false;
    this.evictions++;
    this.#drop(oldest, true);
    return true;
  }

  #drop(snapshot: Snapshot, wasEvicted: boolean): void {
    this.#forget(snapshot, wasEvicted);
    snapshot.state[Symbol.dispose]();
  }

  #forget(snapshot: Snapshot, wasEvicted: boolean): void {
    const { place, logits } = snapshot;
    this.#byUse.delete(snapshot);
    this.#logitBytes -= logits?.byteLength ?? 0;
    if ('key' in place) {
      this.#read.delete(place.key);
      if (wasEvicted) this.#known.note(place.key, true);
      return;
    }
    const tree = this.#written.get(place.tenant)!;
    if (wasEvicted) {
      tree.set(place.ids, { snapshot: undefined });
      this.#gone.add(place);
      if (this.#gone.size > MOST_GONE) this.#forgetGone();
    } else this.#clear(place);
  }

  #forgetGone(): void {
    const [place] = this.#gone;
    this.#gone.delete(place!);
    if (!this.#at(place!)) this.#clear(place!);
  }

  #clear({ tenant, ids }: WrittenPlace): void {
    const tree = this.#written.get(tenant);
    tree?.delete(ids);
    if (tree?.isEmpty) this.#written.delete(tenant);
  }

  [Symbol.dispose](): void {
    for (const snapshot of [...this.#byUse]) this.#drop(snapshot, false);
  }
}
