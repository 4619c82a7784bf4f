// Candidates for pieces: the substrings that occur often enough, found level by level. A string of n + 1 units can only be
// frequent if its first n and its last n units are, so each level extends the survivors of the one before, at the places
// where they stand. A string that always stands inside the same longer one (equal counts) is no candidate: the longer one
// is (cf. the suffix-array seeds of SentencePiece, Kudo & Richardson 2018).
import type { Runs } from './training-text.ts';

export interface Seed {
  text: string;
  /** Occurrences, overlapping ones included. */
  count: number;
}

export interface SeedOptions {
  /** The longest candidate, in UTF-16 code units. */
  maxLength: number;
  minCount: number;
  /** At most this many, by count × length. */
  limit: number;
}

/** The substrings of one length that occur often enough. */
interface Level {
  counts: Float64Array;
  /** Where each one occurs first. */
  firsts: Int32Array;
}

/** The best candidates of at least two characters, by count × length, then in the order of their text. */
export function findSeeds(runs: Runs, { maxLength, minCount, limit }: SeedOptions): Seed[] {
  const { units } = runs;
  // places[p] is the index, within the level, of the string that starts at p, or −1.
  const places = new Int32Array(units.length).fill(-1);
  const found: { first: number; length: number; count: number }[] = [];
  const text = (first: number, length: number) => String.fromCharCode(...units.subarray(first, first + length));

  let level = countUnits(runs, places, minCount);
  const table = new CountTable();
  for (let length = 1; length <= maxLength && level.counts.length > 0; length++) {
    const { next, inLonger } = extend(runs, places, level, length, minCount, table);
    for (let k = 0; k < level.counts.length; k++) {
      const first = level.firsts[k]!;
      if (length > 1 && !inLonger[k] && isWholeCharacters(units, first, length)) {
        found.push({ first, length, count: level.counts[k]! });
      }
    }
    level = next;
  }

  const worth = Float64Array.from(found, ({ count, length }) => -count * length).sort();
  const threshold = -(worth[limit - 1] ?? 0);
  return found
    .filter(({ count, length }) => count * length >= threshold)
    .map(({ first, length, count }) => ({ text: text(first, length), count }))
    .sort((a, b) => b.count * b.text.length - a.count * a.text.length || (a.text < b.text ? -1 : 1))
    .slice(0, limit);
}

/** The level of single units: fills `places` with their indices. */
function countUnits({ units, starts, ends, weights }: Runs, places: Int32Array, minCount: number): Level {
  const counts = new Float64Array(0x10000);
  const firsts = new Int32Array(0x10000).fill(-1);
  for (let r = 0; r < starts.length; r++) {
    for (let p = starts[r]!; p < ends[r]!; p++) {
      const unit = units[p]!;
      if (counts[unit] === 0) firsts[unit] = p;
      counts[unit]! += weights[r]!;
    }
  }
  const [indices, level] = keepFrequent(counts, firsts, counts.length, minCount);
  for (let r = 0; r < starts.length; r++) for (let p = starts[r]!; p < ends[r]!; p++) places[p] = indices[units[p]!]!;
  return level;
}

/** From the strings of `length` units to those of one more. `inLonger` marks the ones that are always part of one. */
function extend(runs: Runs, places: Int32Array, level: Level, length: number, minCount: number, table: CountTable) {
  const { units, starts, ends, weights } = runs;
  table.clear();
  for (let r = 0; r < starts.length; r++) {
    const end = ends[r]!;
    const weight = weights[r]!;
    for (let p = starts[r]!; p < end; p++) {
      const head = places[p]!;
      // A run is followed by a barrier, where places is −1.
      if (head < 0) continue;
      const tail = p + length < end ? places[p + 1]! : -1;
      places[p] = tail < 0 ? -1 : table.add(head, units[p + length]!, tail, p, weight);
    }
  }
  const { counts, firsts, heads, tails, size } = table;
  const [indices, next] = keepFrequent(counts, firsts, size, minCount);
  const inLonger = new Uint8Array(level.counts.length);
  for (let k = 0; k < size; k++) {
    if (counts[k] === level.counts[heads[k]!]) inLonger[heads[k]!] = 1;
    if (counts[k] === level.counts[tails[k]!]) inLonger[tails[k]!] = 1;
  }
  for (let p = 0; p < places.length; p++) if (places[p]! >= 0) places[p] = indices[places[p]!]!;
  return { next, inLonger };
}

/** Renumbers what occurs at least `minCount` times; −1 for the rest. */
function keepFrequent(counts: Float64Array, firsts: Int32Array, size: number, minCount: number): [Int32Array, Level] {
  const indices = new Int32Array(size).fill(-1);
  let kept = 0;
  for (let k = 0; k < size; k++) if (counts[k]! >= minCount) indices[k] = kept++;
  const level = { counts: new Float64Array(kept), firsts: new Int32Array(kept) };
  for (let k = 0; k < size; k++) {
    if (indices[k]! < 0) continue;
    level.counts[indices[k]!] = counts[k]!;
    level.firsts[indices[k]!] = firsts[k]!;
  }
  return [indices, level];
}

/** False when the string begins or ends with half of a surrogate pair, or is a single character. */
function isWholeCharacters(units: Uint16Array, first: number, length: number): boolean {
  const startsInside = (units[first]! & 0xfc00) === 0xdc00;
  const endsInside = (units[first + length - 1]! & 0xfc00) === 0xd800;
  const isPair = length === 2 && (units[first]! & 0xfc00) === 0xd800;
  return !startsInside && !endsInside && !isPair;
}

/** Counts pairs (head, unit): an open-addressing table over entries numbered in the order of their first occurrence. */
class CountTable {
  #slots = new Int32Array(1 << 16).fill(-1);
  #capacity = 1 << 15;
  size = 0;
  heads = new Int32Array(this.#capacity);
  tails = new Int32Array(this.#capacity);
  firsts = new Int32Array(this.#capacity);
  counts = new Float64Array(this.#capacity);
  #units = new Uint16Array(this.#capacity);

  clear(): void {
    this.size = 0;
    this.#slots.fill(-1);
  }

  /** Adds `weight` to the entry (head, unit) and returns its number; `tail` and `first` are noted when it is new. */
  add(head: number, unit: number, tail: number, first: number, weight: number): number {
    const mask = this.#slots.length - 1;
    let slot = mix(head, unit) & mask;
    for (;;) {
      const entry = this.#slots[slot]!;
      if (entry < 0) break;
      if (this.heads[entry] === head && this.#units[entry] === unit) {
        this.counts[entry]! += weight;
        return entry;
      }
      slot = (slot + 1) & mask;
    }
    if (this.size === this.#capacity) {
      this.#grow();
      return this.add(head, unit, tail, first, weight);
    }
    const entry = this.size++;
    this.#slots[slot] = entry;
    this.heads[entry] = head;
    this.tails[entry] = tail;
    this.firsts[entry] = first;
    this.counts[entry] = weight;
    this.#units[entry] = unit;
    return entry;
  }

  #grow(): void {
    this.#capacity *= 2;
    const larger = <T extends Int32Array | Float64Array | Uint16Array>(array: T): T => {
      const copy = new (array.constructor as new (length: number) => T)(this.#capacity);
      copy.set(array);
      return copy;
    };
    this.heads = larger(this.heads);
    this.tails = larger(this.tails);
    this.firsts = larger(this.firsts);
    this.counts = larger(this.counts);
    this.#units = larger(this.#units);
    this.#slots = new Int32Array(this.#capacity * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let entry = 0; entry < this.size; entry++) {
      let slot = mix(this.heads[entry]!, this.#units[entry]!) & mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = entry;
    }
  }
}

function mix(head: number, unit: number): number {
  const h = Math.imul(head, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return h ^ (h >>> 15);
}
