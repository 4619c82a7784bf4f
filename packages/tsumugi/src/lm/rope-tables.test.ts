// Rows of cos and sin that are kept: the right ones for every position, base and width, computed once, and let go of.
import { describe, expect, it, vi } from 'vitest';
import { liveHandles, scope } from '../torch/index.ts';
import type * as rope from './ops/rope.ts';
import { RopeTables } from './rope-tables.ts';

const computed = vi.hoisted(() => [] as number[][]);
vi.mock('./ops/rope.ts', async (original) => {
  const { ropeTable, ...rest } = await original<typeof rope>();
  const noted: typeof ropeTable = (length, headDim, base, options) => {
    computed.push([length, headDim, base]);
    return ropeTable(length, headDim, base, options);
  };
  return { ...rest, ropeTable: noted };
});

/** cos(position · base^(−2j/d)) of each position and j. */
const cosines = (positions: readonly number[], base: number, d: number) =>
  positions.map((position) => Array.from({ length: d / 2 }, (_, j) => Math.cos(position * base ** ((-2 * j) / d))));

/** To f32's accuracy. */
function expectRows(found: number[][], expected: number[][]): void {
  expect(found.length).toBe(expected.length);
  for (const [i, row] of expected.entries())
    for (const [j, value] of row.entries()) expect(found[i]![j]!, `row ${i}, ${j}`).toBeCloseTo(value, 6);
}

describe('rows of angles', () => {
  it('are those of each position, of its base and width', () => {
    using tables = new RopeTables();
    scope(() => {
      for (const [base, d] of [
        [1e4, 4],
        [1e6, 4],
        [1e4, 8],
      ] as const) {
        expectRows(tables.rows(base, d, 3, 2, 'cpu').cos.tolist() as number[][], cosines([3, 4], base, d));
        const { cos } = tables.at([7, 0, 7], 'cpu').rows(base, d, 99, 1, 'cpu');
        expectRows(cos.tolist() as number[][], cosines([7, 0, 7], base, d));
      }
    });
  });

  it('are computed once, 1,024 of them or the next power of two', () => {
    computed.length = 0;
    using tables = new RopeTables();
    scope(() => {
      tables.rows(1e4, 4, 0, 1, 'cpu');
      tables.rows(1e4, 4, 1000, 24, 'cpu');
      expect(computed).toEqual([[1024, 4, 1e4]]);
      const { sin } = tables.rows(1e4, 4, 1020, 5, 'cpu');
      expect(sin.shape).toEqual([5, 2]);
      tables.rows(1e4, 4, 2040, 8, 'cpu');
      tables.at([2047], 'cpu').rows(1e4, 4, 0, 1, 'cpu');
      expect(computed).toEqual([
        [1024, 4, 1e4],
        [2048, 4, 1e4],
      ]);
    });
  });

  it('are let go of when longer ones come, and at the end', () => {
    const before = liveHandles();
    const tables = new RopeTables();
    scope(() => void tables.rows(1e4, 4, 0, 1, 'cpu'));
    expect(liveHandles() - before).toBe(2);
    scope(() => void tables.rows(1e4, 4, 0, 3000, 'cpu'));
    expect(liveHandles() - before).toBe(2);
    tables[Symbol.dispose]();
    expect(liveHandles() - before).toBe(0);
    scope(() => expectRows(tables.rows(1e4, 4, 5, 1, 'cpu').cos.tolist() as number[][], cosines([5], 1e4, 4)));
    tables[Symbol.dispose]();
  });
});
