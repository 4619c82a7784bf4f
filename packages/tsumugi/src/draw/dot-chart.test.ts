// Grouped dots: where they stand, and their median.
import { expect, it } from 'vitest';
import { dotChart, median } from './dot-chart.ts';

it('draws a dot for each run, a line at the median of several, and a cross for one that diverged', () => {
  const chart = dotChart({
    title: 'FD <1>',
    groups: ['A', 'B'],
    y: { label: 'FD', log: true },
    series: [
      { name: 'SN', groups: [[1, 10], [100]] },
      { name: 'WN', groups: [[Number.NaN], [50]] },
    ],
  }).body;
  const dots = [...chart.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="2.5"/g)].map((found) =>
    found.slice(1).map(Number),
  );
  expect(dots).toHaveLength(4);
  const [low, high, right] = dots as [number[], number[], number[]];
  expect(low[0]).toBe(high[0]);
  expect(low[1]! - high[1]!).toBeCloseTo(high[1]! - right[1]!, 0); // decades are equally far apart
  expect(right[0]).toBeGreaterThan(high[0]!);
  expect(chart.match(/l6 6m0 -6l-6 6/g)).toHaveLength(1);
  expect(chart.match(/stroke-width="2"/g)).toHaveLength(1);
  expect(chart).toContain('FD &lt;1&gt;');
  expect(chart).not.toMatch(/NaN|Infinity|undefined/);
});

it('takes medians with what is not finite as the largest', () => {
  expect([median([3, 1, 2]), median([1, 2]), median([1, Number.NaN]), median([1, Number.NaN, 5])]).toEqual([
    ...[2, 1.5, Number.POSITIVE_INFINITY, 5],
  ]);
  expect(median([])).toBeNaN();
});
