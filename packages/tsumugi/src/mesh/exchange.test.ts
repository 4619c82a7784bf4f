// How things of different sizes are shared out.
import { describe, expect, it } from 'vitest';
import { ownPart, ownShare, shareOut } from './exchange.ts';

describe('shareOut', () => {
  it('gives all things, in order, each to one rank', () => {
    for (const world of [1, 2, 3, 7])
      for (const sizes of [[], [5], [0, 0], [3, 0, 2, 0], [3, 1, 4, 1, 5, 9, 2, 6], Array(20).fill(1)]) {
        let next = 0;
        for (const { from, to } of shareOut(world, sizes)) {
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
      expect(most(shareOut(world, sizes))).toBeLessThanOrEqual(total / world + 500);
      const equal = Array.from({ length: world }, (_, rank) => ownPart({ rank, world }, sizes.length));
      expect(most(shareOut(world, sizes))).toBeLessThan(0.8 * most(equal));
    }
  });

  it('gives things of one size as equally as their number', () => {
    for (const world of [2, 3, 4])
      for (const count of [1, 2, 5, 12]) {
        const counts = shareOut(world, Array(count).fill(10)).map(({ from, to }) => to - from);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
  });

  it('gives something to the first ranks where it is not enough for all', () => {
    for (const sizes of [[5], [5, 5], [100, 1, 1], [1, 100, 1], [0, 0], [1, 1, 1, 90]])
      for (const world of [2, 3, 5]) {
        const has = shareOut(world, sizes).map(({ from, to }) => to > from);
        expect(has[0]).toBe(true);
        expect(has).toEqual(has.toSorted().reverse());
      }
  });

  it('is what each rank takes its own of', () => {
    expect([0, 1, 2].map((rank) => ownShare({ rank, world: 3 }, [2, 1, 4]))).toEqual(shareOut(3, [2, 1, 4]));
  });
});
