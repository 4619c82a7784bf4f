// Means over seeds with their intervals.
import { expect, it } from 'vitest';
import { spreadOf, tQuantile } from './spread.ts';

it("has the quantiles of Student's t", () => {
  // Tables of the distribution, two-sided 95 %.
  for (const [
    degrees,
    value,
  ] of [[1, 12.706], [2, 4.303], [10, 2.228], [30, 2.042], [40, 2.021], [60, 2.0003], [120, 1.9799], [1e9, 1.96]]) // biome-ignore format: pairs
    expect(tQuantile(degrees!)).toBeCloseTo(value!, 3);
});

it('is the mean, the range and the interval of the mean', () => {
  // By hand: mean 4, squares 4 + 0 + 4, variance 4, √(4 / 3) = 1.1547, × 4.3027 = 4.9683.
  const spread = spreadOf([2, 4, 6]);
  expect(spread).toMatchObject({ n: 3, mean: 4, least: 2, greatest: 6, lost: 0 });
  expect(spread.high).toBeCloseTo(8.9683, 3);
  expect(spread.low).toBeCloseTo(-0.9683, 3);
  expect(spreadOf([5])).toEqual({ n: 1, mean: 5, least: 5, greatest: 5, low: null, high: null, lost: 0 });
});

it('has no mean where a run was lost', () => {
  const none = { mean: null, least: null, greatest: null, low: null, high: null };
  expect(spreadOf([1, null, Number.NaN])).toEqual({ n: 3, lost: 2, ...none });
  expect(spreadOf([])).toEqual({ n: 0, lost: 0, ...none });
});
