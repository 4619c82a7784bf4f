// NEFTune's noise: how large it is, that it follows from seed, step and example, and where it lies.
import { expect, it } from 'vitest';
import { layOut } from '../text/index.ts';
import { scope } from '../torch/index.ts';
import { someExamples } from './examples.testing.ts';
import { type NeftuneOptions, neftuneNoise } from './neftune.ts';

const examples = someExamples(5, 90);
const width = 24;
const given = { alpha: 5, width, seed: 3, step: 7, device: 'cpu' } as const;
type Layout = 'padded' | 'packed';
const batchOf = (layout: Layout) => layOut(examples, { layout, sequenceLength: 40 });

/** The noise of all rows, taken as one or one at a time. */
function rowsOf(layout: Layout, changes: Partial<NeftuneOptions> = {}, at = Number.POSITIVE_INFINITY): number[][][] {
  const batch = batchOf(layout);
  const found: number[][][] = [];
  for (let first = 0; first < batch.rows; first += at) {
    const rows = Math.min(at, batch.rows - first);
    found.push(...(scope(() => neftuneNoise(batch, first, rows, { ...given, ...changes }).tolist()) as number[][][]));
  }
  return found;
}

/** The noise of each example, in their order, and all that is none of theirs. */
function noiseOf(layout: Layout, changes: Partial<NeftuneOptions> = {}, at?: number) {
  const rows = rowsOf(layout, changes, at);
  const { placed } = batchOf(layout);
  const own = placed
    .toSorted((a, b) => a.position - b.position)
    .map(({ example, row, column }) => rows[row]!.slice(column, column + example.ids.length).flat());
  const isOwn = (row: number, column: number) =>
    placed.some((each) => each.row === row && column >= each.column && column < each.column + each.example.ids.length);
  const rest = rows.flatMap((row, r) => row.filter((_, column) => !isOwn(r, column)).flat());
  return { own, rest };
}

it('is uniform in ±α / √(L·D), L the tokens of the example itself', () => {
  const { own, rest } = noiseOf('padded');
  for (const [i, values] of own.entries()) {
    const { length } = examples[i]!.ids;
    const bound = 5 / Math.sqrt(length * width);
    expect(values).toHaveLength(length * width);
    expect(Math.max(...values)).toBeGreaterThan(0.95 * bound);
    expect(Math.max(...values)).toBeLessThanOrEqual(bound);
    expect(Math.min(...values)).toBeLessThan(-0.95 * bound);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-bound);
    // The mean of n uniform values has a spread of bound / √(3n).
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan((4 * bound) / Math.sqrt(3 * values.length));
  }
  expect(rest.length).toBeGreaterThan(0);
  expect(new Set(rest)).toEqual(new Set([0]));
});

it('is the same however the examples lie in rows, and goes through in parts', () => {
  const { own } = noiseOf('padded');
  expect(noiseOf('packed').own).toEqual(own);
  expect(noiseOf('padded', {}, 2).own).toEqual(own);
  expect(noiseOf('packed', {}, 1).own).toEqual(own);
});

it('is another for each example, step and seed, and as large as α says', () => {
  const { own } = noiseOf('padded');
  expect(new Set(own.map(([first]) => first)).size).toBe(examples.length);
  for (const changes of [{ step: 8 }, { seed: 4 }]) expect(noiseOf('padded', changes).own[0]![0]).not.toBe(own[0]![0]);
  for (const [i, value] of noiseOf('padded', { alpha: 10 }).own[0]!.entries())
    expect(value).toBeCloseTo(2 * own[0]![i]!, 6);
});
