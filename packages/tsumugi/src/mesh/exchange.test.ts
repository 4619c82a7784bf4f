// How things of different sizes are shared out.
import { describe, expect, it } from 'vitest';
import { ownPart, ownShare } from './exchange.ts';

const shares = (world: number, sizes: readonly number[]) =>
  Array.from({ length: world }, (_, rank) => ownShare({ rank, world }, sizes));

describe('ownShare', () => {
  it('gives all things, in order, each to one rank', () => {
    for (const world of [1, 2, 3, 7])
      for (const sizes of [[], [5], [0, 0], [3, 1, 4, 1, 5, 9, 2, 6], Array(20).fill(1)]) {
        let next = 0;
        for (const { from, to } of shares(world, sizes)) {
          expect(from).toBe(next);
          expect(to).toBeGreaterThanOrEqual(from);
          next = to;
        }
        expect(next).toBe(sizes.length);
      }
  });

  it('gives no rank more than its share and the largest thing', () => {
    const sizes = Array.from({ length: 64 }, (_, i) => 500 - 7 * i); // sorted, as padded rows are
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const most = (parts: readonly { from: number; to: number }[]) =>
      Math.max(...parts.map(({ from, to }) => sizes.slice(from, to).reduce((sum, size) => sum + size, 0)));
    for (const world of [2, 3, 4, 8]) {
      expect(most(shares(world, sizes))).toBeLessThanOrEqual(total / world + 500);
      const equal = Array.from({ length: world }, (_, rank) => ownPart({ rank, world }, sizes.length));
      expect(most(shares(world, sizes))).toBeLessThan(0.8 * most(equal));
    }
  });

  it('gives things of one size as equally as their number', () => {
    for (const world of [2, 3, 4])
      for (const count of [1, 2, 5, 12]) {
        const counts = shares(world, Array(count).fill(10)).map(({ from, to }) => to - from);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
  });
});
