// Means of curves, by hand: between points, beyond an end, beside what is not finite.
import { expect, it } from 'vitest';
import type { Curve } from '../run/index.ts';
import { meanCurves } from './mean-curves.ts';

const curve = (points: Curve['points'], name = 'training'): Curve => ({ chart: 'loss', name, points });
const mean = (...runs: Curve['points'][]) =>
  meanCurves([{ name: 'g', runs: runs.map((points) => [curve(points)]) }])[0]?.points.map(({ x, y, low, high }) => [
    x,
    y,
    low,
    high,
  ]);

it('takes the other runs between their points', () => {
  // At 3 the second run is a quarter of the way from (2, 20) to (6, 40): 25.
  expect(mean([[2, 10], [3, 5]], [[2, 20], [6, 40]])).toEqual([
    [2, 15, 10, 20],
    [3, 15, 5, 25],
  ]); // biome-ignore format: pairs
});

it('begins where all have begun, and ends where the first ends', () => {
  const points = mean([[1, 1], [2, 2], [3, 3], [4, 4]], [[2, 4], [3, 5]]); // biome-ignore format: pairs
  expect(points).toEqual([
    [2, 3, 2, 4],
    [3, 4, 3, 5],
  ]);
});

it('has no mean where one of them is not finite, at a point or beside it', () => {
  const points = mean([[1, 1], [2, 2], [3, 3], [4, 4]], [[1, 3], [3, null], [5, 9]]); // biome-ignore format: pairs
  expect(points).toEqual([
    [1, 2, 1, 3],
    [2, null, null, null],
    [3, null, null, null],
    [4, null, null, null],
  ]);
});

it('takes the runs that have a curve, for each curve and group', () => {
  const found = meanCurves([
    { name: 'a', runs: [[curve([[1, 1]])], [curve([[1, 3]]), curve([[1, 7]], 'held-out')]] },
    { name: 'b', runs: [[curve([[1, 5]])]] },
  ]);
  expect(found.map(({ curve: of, name, runs, points }) => [of, name, runs, points[0]!.y])).toEqual([
    ['training', 'a', 2, 2],
    ['training', 'b', 1, 5],
    ['held-out', 'a', 1, 7],
  ]);
});
