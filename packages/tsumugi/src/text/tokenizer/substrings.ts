// Candidates for pieces: the substrings that occur often enough, found level by level. A string of n + 1 units can only be
// frequent if its first n and its last n units are, so each level extends the survivors of the one before, at the places
// where they stand. A string that always stands inside the same longer one (equal counts) is no candidate: the longer one
// is. What a suffix array yields (Kudo & Richardson 2018) is found without one, in time linear in the text per level.
import type { Runs } from './training-text.ts';

/** Strings of one length, in UTF-16 code units. */
interface Level {
  length: number;
  /** Occurrences, overlapping ones included. */
  counts: Float64Array;
  /** Where each one occurs first. */
  firsts: Int32Array;
}

/** The strings of 2 to `maxLength` units, and more than one character, that occur at least `minCount` times. */
export class Substrings {
  readonly #units: Uint16Array;
  readonly #levels: Level[] = [];
  readonly size: number;

  constructor(runs: Runs, maxLength: number, minCount: number) {
    this.#units = runs.units;
    // places[p] is the index, within the level, of the string that starts at p, or −1.
    const places = new Int32Array(runs.units.length).fill(-1);
    const table = new CountTable();
    let level = countUnits(runs, places, minCount);
    while (level.length <= maxLength && level.counts.length > 0) {
      const { next, inLonger } = extend(runs, places, level, minCount, table);
      const { length, firsts } = level;
      if (length > 1) {
        this.#levels.push(select(level, (k) => !inLonger[k] && isWholeCharacters(runs.units, firsts[k]!, length)).kept);
      }
      level = next;
    }
    this.size = this.#levels.reduce((sum, { counts }) => sum + counts.length, 0);
  }

  /** The `limit` most frequent, and those as frequent as the last of them, in a fixed order. */
  mostFrequent(limit: number): { text: string; count: number }[] {
    const counts = new Float64Array(this.size);
    let filled = 0;
    for (const level of this.#levels) {
      counts.set(level.counts, filled);
      filled += level.counts.length;
    }
    const least = limit < this.size ? counts.sort()[this.size - limit]! : 0;
    return this.#levels.flatMap(({ length, counts, firsts }) => {
      const chosen: { text: string; count: number }[] = [];
      counts.forEach((count, k) => {
        const first = firsts[k]!;
        if (count >= least) {
          chosen.push({ text: String.fromCharCode(...this.#units.subarray(first, first + length)), count });
        }
      });
      return chosen;
    });
  }
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
  const { kept, indices } = select({ length: 1, counts, firsts }, (unit) => counts[unit]! >= minCount);
  for (let r = 0; r < starts.length; r++) for (let p = starts[r]!; p < ends[r]!; p++) places[p] = indices[units[p]!]!;
  return kept;
}

/** From the strings of one length to those of one more. `inLonger` marks the ones that are always part of one. */
function extend(runs: Runs, places: Int32Array, level: Level, minCount: number, table: CountTable) {
  const { units, starts, ends, weights } = runs;
  const { length } = level;
  table.clear();
  for (let r = 0; r < starts.length; r++) {
    const end = ends[r]!;
    const weight = weights[r]!;
    for (let p = starts[r]!; p < end; p++) {
      const head = places[p]!;
      if (head < 0) continue;
      const tail = p + length < end ? places[p + 1]! : -1;
      places[p] = tail < 0 ? -1 : table.add(head, units[p + length]!, tail, p, weight);
    }
  }
  const { counts, firsts, heads, tails, size } = table;
  const inLonger = new Uint8Array(level.counts.length);
  for (let k = 0; k < size; k++) {
    if (counts[k] === level.counts[heads[k]!]) inLonger[heads[k]!] = 1;
    if (counts[k] === level.counts[tails[k]!]) inLonger[tails[k]!] = 1;
  }
  const longer = { length: length + 1, counts: counts.subarray(0, size), firsts: firsts.subarray(0, size) };
  const { kept: next, indices } = select(longer, (k) => counts[k]! >= minCount);
  for (let p = 0; p < places.length; p++) if (places[p]! >= 0) places[p] = indices[places[p]!]!;
  return { next, inLonger };
}

/** A level with only the strings that `keeps` says, and the index of each in it, −1 for those left out. */
function select(
  { length, counts, firsts }: Level,
  keeps: (k: number) => boolean,
): { kept: Level; indices: Int32Array } {
  const indices = new Int32Array(counts.length).fill(-1);
  let size = 0;
  for (let k = 0; k < counts.length; k++) if (keeps(k)) indices[k] = size++;
  const kept = { length, counts: new Float64Array(size), firsts: new Int32Array(size) };
  for (let k = 0; k < counts.length; k++) {
    const index = indices[k]!;
    if (index < 0) continue;
    kept.counts[index] = counts[k]!;
    kept.firsts[index] = firsts[k]!;
  }
  return { kept, indices };
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
