// How many texts of a group contain an n-gram: an exact trie over characters, ten levels deep, level by level in flat arrays.
//
// The benchmark's own tables take the substrings [p − n, p) of `^text$` for p = 1 … length − 1 and n = 1 … min(10, p − 1). These bounds
// leave out both marks, so what counts are the substrings of the text itself.
import { invariant } from '../../../base/index.ts';

/** Longest n-gram that is counted, in code points. */
export const MAX_N = 10;

/** What a lookup starts from. */
export const ROOT = -1;
/** An n-gram that no text contains; nothing follows it. */
export const ABSENT = -2;

/** The flat form, as it is kept on disk. */
export interface NgramArrays {
  /** The group's characters: code points, ascending. A character's place is its symbol. */
  characters: Uint32Array;
  /** Last symbol of each node. Nodes are sorted by depth, then by parent, then by symbol; one-character nodes come first. */
  symbols: Uint16Array;
  /** Texts that contain the node's n-gram. */
  counts: Uint16Array;
  /** The children of node i are firstChild[i] … firstChild[i + 1] − 1. Only for nodes above the deepest level. */
  firstChild: Uint32Array;
}

export class NgramTable {
  readonly arrays: NgramArrays;
  readonly #symbolOf: ReadonlyMap<number, number>;

  constructor(arrays: NgramArrays) {
    this.arrays = arrays;
    this.#symbolOf = new Map(Array.from(arrays.characters, (character, symbol) => [character, symbol]));
  }

  static of(texts: readonly string[]): NgramTable {
    return new NgramTable(buildArrays(texts));
  }

  /** Number of n-grams. */
  get size(): number {
    return this.arrays.symbols.length;
  }

  /** The symbol of a code point, or −1 when no text contains it. */
  symbol(codePoint: number): number {
    return this.#symbolOf.get(codePoint) ?? -1;
  }

  /** The n-gram `node` with one more symbol, or ABSENT. */
  next(node: number, symbol: number): number {
    if (symbol < 0) return ABSENT;
    if (node === ROOT) return symbol;
    const { symbols, firstChild } = this.arrays;
    if (node < 0 || node >= firstChild.length - 1) return ABSENT;
    let low = firstChild[node]!;
    let high = firstChild[node + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = symbols[middle]!;
      if (found === symbol) return middle;
      if (found < symbol) low = middle + 1;
      else high = middle;
    }
    return ABSENT;
  }

  /** Texts that contain the node's n-gram. */
  count(node: number): number {
    return node < 0 ? 0 : this.arrays.counts[node]!;
  }
}

/** All texts in one row, as symbols + 1, each closed by a 0 and the row by enough of them for any n-gram to look ahead. */
function concatenate(texts: readonly string[]) {
  const pieces = texts.map((text) => Array.from(text, (character) => character.codePointAt(0)!));
  const characters = Uint32Array.from(new Set(pieces.flat())).sort();
  invariant(characters.length < 65_536 && texts.length < 65_536, 'symbols and counts fit 16 bits');
  const symbolOf = new Map(Array.from(characters, (character, symbol) => [character, symbol]));
  const length = pieces.reduce((total, piece) => total + piece.length + 1, MAX_N);
  const row = new Uint16Array(length);
  const textAt = new Uint16Array(length);
  let at = 0;
  pieces.forEach((piece, text) => {
    for (const character of piece) {
      textAt[at] = text;
      row[at++] = symbolOf.get(character)! + 1;
    }
    at++;
  });
  return { characters, row, textAt };
}

/** The places of the row's characters, sorted by the ten entries from there on: a radix sort from the last entry to the first. */
function sortPlaces(row: Uint16Array, alphabet: number): Uint32Array {
  let places = Uint32Array.from(row.keys()).filter((place) => row[place] !== 0);
  let sorted = new Uint32Array(places.length);
  const starts = new Uint32Array(alphabet + 2);
  for (let ahead = MAX_N - 1; ahead >= 0; ahead--) {
    starts.fill(0);
    for (let i = 0; i < places.length; i++) starts[row[places[i]! + ahead]! + 1]!++;
    for (let entry = 1; entry < starts.length; entry++) starts[entry]! += starts[entry - 1]!;
    for (let i = 0; i < places.length; i++) sorted[starts[row[places[i]! + ahead]!]!++] = places[i]!;
    [places, sorted] = [sorted, places];
  }
  return places;
}

/** Sorted places that share their first d entries are neighbours: together they are a node of depth d. */
function buildArrays(texts: readonly string[]): NgramArrays {
  const { characters, row, textAt } = concatenate(texts);
  const places = sortPlaces(row, characters.length);
  const symbols = new Uint16Array(places.length * MAX_N);
  const counts = new Uint16Array(places.length * MAX_N);
  const firstChild = new Uint32Array(places.length * MAX_N + 1);
  /** The node of each place at the depth before; ABSENT once its text has ended. */
  const nodes = new Int32Array(places.length).fill(ROOT);
  /** For each text, the number of nodes when it was last counted: tells whether the newest node has counted it. */
  const countedAt = new Uint32Array(texts.length);
  let size = 0;
  let parents = 0;
  let aboveDeepest = 0;
  for (let depth = 0; depth < MAX_N; depth++) {
    aboveDeepest = size;
    let parent = ABSENT;
    let entry = 0;
    for (let i = 0; i < places.length; i++) {
      const place = places[i]! + depth;
      if (nodes[i] === ABSENT || row[place] === 0) {
        nodes[i] = ABSENT;
        continue;
      }
      if (nodes[i] !== parent || row[place] !== entry) {
        parent = nodes[i]!;
        entry = row[place]!;
        for (; parents <= parent; parents++) firstChild[parents] = size;
        symbols[size++] = entry - 1;
      }
      nodes[i] = size - 1;
      const text = textAt[place]!;
      if (countedAt[text] === size) continue;
      countedAt[text] = size;
      counts[size - 1]!++;
    }
  }
  firstChild.fill(size, parents, aboveDeepest + 1);
  return {
    characters,
    symbols: symbols.slice(0, size),
    counts: counts.slice(0, size),
    firstChild: firstChild.slice(0, aboveDeepest + 1),
  };
}
