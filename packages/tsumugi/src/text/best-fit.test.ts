// Best-fit decreasing: every piece once, no row overfull, and the same rows as the definition gives.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { packBestFit } from './best-fit.ts';

const numbers = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

/** The definition: looks at every row for every piece. */
function plainRooms(lengths: Uint32Array, capacity: number): number[] {
  const rooms: number[] = [];
  for (const length of lengths.toSorted().reverse()) {
    const fitting = rooms.map((room, row) => ({ room, row })).filter(({ room }) => room >= length);
    const best = fitting.sort((a, b) => a.room - b.room)[0];
    if (best) rooms[best.row] = best.room - length;
    else rooms.push(capacity - length);
  }
  return rooms.sort((a, b) => a - b);
}

describe('packBestFit', () => {
  it.each([1, 2, 5, 64, 100])('holds every piece once, as tightly as the definition says: rows of %i', (capacity) => {
    const random = new RandomStream(capacity);
    for (let round = 0; round < 20; round++) {
      const lengths = Uint32Array.from({ length: random.below(200) }, () => 1 + random.below(capacity));
      const order = random.shuffle(numbers(lengths.length));
      const { pieces, starts } = packBestFit(lengths, order, capacity);
      expect(pieces.toSorted()).toEqual(numbers(lengths.length));
      const rooms = Array.from({ length: starts.length - 1 }, (_, row) =>
        pieces.subarray(starts[row], starts[row + 1]).reduce((room, piece) => room - lengths[piece]!, capacity),
      );
      expect(Math.min(0, ...rooms)).toBe(0);
      expect(rooms.sort((a, b) => a - b)).toEqual(plainRooms(lengths, capacity));
    }
  });

  it('lets the order decide between pieces of one length, and nothing else', () => {
    const lengths = Uint32Array.from([6, 4, 4, 6]);
    const rows = (order: number[]) => {
      const { pieces, starts } = packBestFit(lengths, Uint32Array.from(order), 10);
      return Array.from({ length: starts.length - 1 }, (_, row) => [...pieces.subarray(starts[row], starts[row + 1])]);
    };
    expect(rows([0, 1, 2, 3])).toHaveLength(2);
    expect(rows([0, 3, 1, 2])).not.toEqual(rows([3, 0, 1, 2]));
    expect(rows([0, 1, 2, 3])).toEqual(rows([0, 3, 1, 2]));
  });

  it('is quick for many pieces', () => {
    const random = new RandomStream(1);
    const lengths = Uint32Array.from({ length: 200_000 }, () => 1 + random.below(32768));
    const began = performance.now();
    const { starts } = packBestFit(lengths, numbers(lengths.length), 32768);
    expect(performance.now() - began).toBeLessThan(5000);
    const fill = lengths.reduce((sum, length) => sum + length, 0) / ((starts.length - 1) * 32768);
    expect(fill).toBeGreaterThan(0.99);
  });
});
