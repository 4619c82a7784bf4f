// Measurements and curves of an event log, by hand.
import { expect, it } from 'vitest';
import { curvesOf } from './curves.ts';
import type { RunEvent } from './events.ts';
import { measurementsIn } from './measurements.ts';

const step = (n: number, loss: number | null, tokens?: number): RunEvent =>
  ({ time: 1000 * n, type: 'step', step: n, loss, ...(tokens && { tokens }) }) as RunEvent;
const evaluation = (n: number): RunEvent => ({
  time: 1000 * n,
  type: 'evaluation',
  step: n,
  name: 'held-out',
  metrics: { crossEntropy: 9 },
});

it('knows that nothing was seen before the first step, where steps say what they saw', () => {
  const tokens = (...events: RunEvent[]) => measurementsIn(events).map((each) => [each.name, each.step, each.tokens]);
  expect(tokens(evaluation(0), step(1, 5, 100), evaluation(1))).toEqual([
    ['training', 1, 100],
    ['held-out', 0, 0],
    ['held-out', 1, 100],
  ]);
  expect(tokens(evaluation(0), step(1, 5))).toEqual([
    ['training', 1, null],
    ['held-out', 0, null],
  ]);
});

it('thins a long curve to means of neighbours, none beside what is not finite, and keeps where it ends', () => {
  // 481 points: means of three at the place of the middle one; the last run is one point, the end.
  const events = Array.from({ length: 481 }, (_, i) => step(i + 1, i === 4 ? null : i + 1));
  const { points } = curvesOf(measurementsIn(events))[0]!;
  expect(points).toHaveLength(161);
  expect(points.slice(0, 3)).toEqual([[2, 2], [5, null], [8, 8]]); // biome-ignore format: pairs
  expect(points.at(-1)).toEqual([481, 481]);
  // 480 are means of two; the last two are not, but the end itself.
  const even = curvesOf(measurementsIn(events.slice(0, 480)))[0]!.points;
  expect(even.slice(-2)).toEqual([[478, 477.5], [480, 480]]); // biome-ignore format: pairs
  expect(curvesOf(measurementsIn(events.slice(0, 240)))[0]!.points).toHaveLength(240);
});
