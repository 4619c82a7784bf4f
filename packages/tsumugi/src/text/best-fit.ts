// Packing pieces into rows of a fixed length so that little of each row stays empty: best-fit decreasing (Johnson 1974),
// which Ding et al. 2024 (arXiv 2404.10830) use for training rows. Time is N·log of the row's length.

/** Pieces by row: those of row r are `pieces[starts[r]] … pieces[starts[r + 1] − 1]`, the longest first. */
export interface PackedRows {
  pieces: Uint32Array;
  starts: Uint32Array;
}

const NONE = 0xffffffff;

/**
 * Takes the pieces from the longest to the shortest, and puts each into the row where it leaves least room, or into a new
 * row when it fits into none. Of pieces of one length, those that come first in `order` are taken first.
 *
 * @param lengths of each piece, 1 … capacity
 * @param order every piece once
 */
export function packBestFit(lengths: Uint32Array, order: Uint32Array, capacity: number): PackedRows {
  const rooms = new RoomIndex(capacity);
  const rowOf = new Uint32Array(lengths.length);
  let rows = 0;
  const byLength = longestFirst(lengths, order, capacity);
  for (const piece of byLength) {
    const length = lengths[piece]!;
    const found = rooms.take(length);
    const row = found ? found.row : rows++;
    rowOf[piece] = row;
    const room = (found ? found.room : capacity) - length;
    if (room > 0) rooms.add(row, room);
  }
  const starts = new Uint32Array(rows + 1);
  for (const row of rowOf) starts[row + 1]!++;
  for (let row = 0; row < rows; row++) starts[row + 1]! += starts[row]!;
  const next = starts.slice();
  const pieces = new Uint32Array(lengths.length);
  for (const piece of byLength) pieces[next[rowOf[piece]!]!++] = piece;
  return { pieces, starts };
}

/** `order`, stably sorted by falling length (a counting sort). */
function longestFirst(lengths: Uint32Array, order: Uint32Array, capacity: number): Uint32Array {
  const places = new Uint32Array(capacity + 2);
  for (const length of lengths) places[capacity - length + 1]!++;
  for (let i = 0; i <= capacity; i++) places[i + 1]! += places[i]!;
  const sorted = new Uint32Array(order.length);
  for (const piece of order) sorted[places[capacity - lengths[piece]!]!++] = piece;
  return sorted;
}

/** Rows by the room that is left in them, with the least room that suffices found in logarithmic time. */
class RoomIndex {
  readonly #leaves: number;
  /** A binary tree: whether any row has a room among the leaves below a node. */
  readonly #some: Uint8Array;
  /** The row that came last for each room, and for each row the one before it with the same room. */
  readonly #last: Uint32Array;
  readonly #before: number[] = [];

  constructor(capacity: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(capacity + 1));
    this.#some = new Uint8Array(2 * this.#leaves);
    this.#last = new Uint32Array(capacity + 1).fill(NONE);
  }

  add(row: number, room: number): void {
    this.#before[row] = this.#last[room]!;
    this.#last[room] = row;
    for (let node = this.#leaves + room; node >= 1 && !this.#some[node]; node >>= 1) this.#some[node] = 1;
  }

  /** Removes and returns the row with the least room of at least `wanted`. */
  take(wanted: number): { row: number; room: number } | undefined {
    let node = this.#leaves + wanted;
    // Up until there is something to the right (or here), then down along the left.
    while (!this.#some[node]) {
      while (node & 1) node >>= 1;
      if (node === 0) return undefined;
      node++;
    }
    while (node < this.#leaves) node = this.#some[2 * node] ? 2 * node : 2 * node + 1;
    const room = node - this.#leaves;
    const row = this.#last[room]!;
    this.#last[room] = this.#before[row]!;
    for (let at = node; at >= 1 && this.#last[room] === NONE; at >>= 1) {
      const below = at >= this.#leaves ? 0 : this.#some[2 * at]! | this.#some[2 * at + 1]!;
      if (below) break;
      this.#some[at] = 0;
    }
    return { row, room };
  }
}
