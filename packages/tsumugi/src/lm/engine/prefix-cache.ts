// The prefix cache: the longest state that a prompt can go on from, why there is no longer one, and where states are worth keeping.
import type { Logits } from '../sampling.ts';
import type { CachedReason } from './cached-reason.ts';
import { KnownPrefixes } from './known-prefixes.ts';
import type { TextMemory, TextState } from './memory.ts';
import type { Prompt } from './prompt.ts';
import { type Place, type Snapshot, Snapshots } from './snapshots.ts';

/** Prefixes shorter than this, or longer than a kept one by less, are cheaper read again than kept. */
export const SHORTEST_SHARED = 32;

/** What the cache has of a prompt. */
export interface Found {
  snapshot: Snapshot | undefined;
  /** Whether the state has the bits that reading gives. */
  isExact: boolean;
  /** Tokens of the prompt that its state has. */
  cached: number;
  /** Tokens of it that were read before, at least. */
  matched: number;
  reason: CachedReason;
}

/** What is found where there is no prefix cache. */
export const withoutCache: Found = { snapshot: undefined, isExact: true, cached: 0, matched: 0, reason: 'disabled' };

export class PrefixCache implements Disposable {
  readonly snapshots: Snapshots;
  readonly #known = new KnownPrefixes();
  readonly #every: number;

  /** @param every tokens after which a state is kept, besides those where prompts part */
  constructor(memory: TextMemory, every: number) {
    this.snapshots = new Snapshots(memory, this.#known);
    this.#every = every;
  }

  find(prompt: Prompt): Found {
    const { keys, cuts, ids, length } = prompt;
    const { snapshots } = this;
    const readPieces =
      keys.findLastIndex((key, i) => {
        const snapshot = snapshots.ofRead(key);
        return snapshot && (cuts[i]! < length || snapshot.logits);
      }) + 1;
    const written = snapshots.ofWritten(prompt.tenant, ids);
    const lengthOf = (snapshot: Snapshot | undefined) => snapshot?.state.length ?? 0;
    const read = readPieces > 0 ? snapshots.ofRead(keys[readPieces - 1]!) : undefined;
    const other = written.whole?.logits
      ? written.whole
      : written.beginnings.findLast(({ snapshot }) => snapshot)?.snapshot;
    const isExact = lengthOf(other) <= lengthOf(read);
    const snapshot = isExact ? read : other;
    const cached = lengthOf(snapshot);
    const knownPieces = this.#known.pieces(keys);
    const readBefore = Math.max(cuts[knownPieces - 1] ?? 0, written.shared);
    const isWorth = readBefore - cached >= SHORTEST_SHARED || (readBefore > cached && readBefore === length);
    const matched = isWorth ? readBefore : cached;
    const wasEvicted =
      this.#known.wasEvicted(keys.slice(readPieces, knownPieces)) ||
      (written.beginnings.at(-1)?.snapshot === undefined && written.beginnings.length > 0);
    const reason = ((): CachedReason => {
      if (cached === length) return 'whole';
      if (matched === cached) return cached > 0 ? 'rest-is-new' : 'nothing-known';
      if (matched === length && snapshots.ofRead(keys.at(-1)!)) return 'last-piece';
      return wasEvicted ? 'evicted' : 'state-missing';
    })();
    return { snapshot, isExact, cached, matched, reason };
  }

  /** Lengths at which the state of a prompt is worth keeping while it is read from where it was found: the last is the whole. */
  placesToKeep({ cuts, boundaries, length }: Prompt, { cached, matched }: Found): number[] {
    const places: number[] = [];
    const add = (place: number) => {
      const far = [cached, ...places].every((other) => Math.abs(place - other) >= SHORTEST_SHARED);
      if (place > cached && place < length && far) places.push(place);
    };
    // Where it parts from what was read before comes first; of boundaries that lie close together the last.
    if (matched > cached) add(cuts.findLast((cut) => cut <= matched) ?? 0);
    for (const cut of cuts.toReversed()) if (boundaries.has(cut) || cut % this.#every === 0) add(cut);
    return [...places, length];
  }

  /** A piece was read. */
  noteRead(key: string): void {
    this.#known.add(key);
  }

  /** Takes over a state that was kept before. */
  adopt(place: Place, state: TextState, logits: Logits | undefined): void {
    if ('key' in place) this.#known.add(place.key);
    this.snapshots.put(place, state, logits);
  }

  [Symbol.dispose](): void {
    this.snapshots[Symbol.dispose]();
  }
}
