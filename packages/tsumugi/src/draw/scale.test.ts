// Axes: which ticks a logarithmic one has, what has a place on it.
import { expect, it } from 'vitest';
import { scaleOf } from './scale.ts';

const log = (...values: number[]) => scaleOf({ label: '', log: true }, values, [0, 100]);

it.each([
  [[1, 100], '1 2 5 10 20 50 100'], // two decades
  [[1, 1000], '1 10 100 1000'], // three
  [[1, 1e7], '1 10 100 1000 10000 1e5 1e6 1e7'],
  [[1, 1e8], '1 100 10000 1e6 1e8'],
])('a logarithmic axis over %j has ticks at %s', (values, ticks) => {
  expect(
    log(...values)
      .ticks.map(({ text }) => text)
      .join(' '),
  ).toBe(ticks);
});

it('has no place for 0 and what is below on a logarithmic axis, nor beyond its end', () => {
  const scale = log(0, -1, 1, 100);
  expect([0, -1, 0.5, 1, 100, 101, Number.NaN].map((value) => scale.has(value))).toEqual([
    false,
    false,
    true,
    true,
    true,
    false,
    false,
  ]);
  expect([1, 10, 100].map((value) => scale.place(value))).toEqual([0, 50, 100]);
  expect([0, -1].map((value) => scaleOf({ label: '' }, [-1, 1], [0, 100]).has(value))).toEqual([true, true]);
  expect(scaleOf({ label: '', max: 5 }, [1, 9], [0, 100]).has(9)).toBe(false);
});
