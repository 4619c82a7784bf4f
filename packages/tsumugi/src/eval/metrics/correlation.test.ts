// Correlations against values of SciPy, ties and constant columns included.
import { expect, it } from 'vitest';
import { pearson, readScore, spearman, UNREADABLE_SCORE } from './correlation.ts';

it('reads the number of an answer', () => {
  expect(['3.2', '3.', '.5', '4点', '類似度は2.5です', '-1', '1 2'].map(readScore)).toEqual([
    3.2, 3, 0.5, 4, 2.5, 1, 12,
  ]);
  expect(['', '.', '1.2.3', '近い', '9'.repeat(400)].map(readScore)).toEqual(Array(5).fill(UNREADABLE_SCORE));
});

it('agrees with scipy 1.17, ties included', () => {
  const x = [0, 2.4, 1.8, -2, 5, 3.2, 3.2, 0.5];
  const y = [0, 2.4, 2, 1, 4.8, 3.2, 3, 0];
  expect(pearson(x, y)).toBeCloseTo(0.8691989136377801, 14);
  expect(spearman(x, y)).toBeCloseTo(0.9156626506024095, 14);
});

it('ranks, where the relation is no line', () => {
  const [x, y] = [
    [1, 2, 3, 4],
    [1, 10, 100, 1000],
  ];
  expect(spearman(x, y)).toBeCloseTo(1, 14);
  expect(pearson(x, y)).toBeLessThan(0.9);
  expect(spearman(x, y.toReversed())).toBeCloseTo(-1, 14);
});

it('is the same in every unit, also where squares are no numbers any more', () => {
  // By hand: deviations −1, 0, 1 and −4/3, −1/3, 5/3: 3 / √(2 · 42/9).
  for (const unit of [1, 1e-300, 5e-324, 1e-200, 1e200, 5e307]) {
    const [x, y] = [[1, 2, 3].map((each) => each * unit), [1, 2, 4]];
    expect(pearson(x, y)).toBeCloseTo(0.9819805060619659, 14);
    expect(pearson(y, x)).toBeCloseTo(0.9819805060619659, 14);
  }
  // A judge's endless number beside others leaves a metric.
  expect(pearson([2, 3, Number('9'.repeat(300))], [1, 2, 3])).toBeCloseTo(Math.sqrt(3) / 2, 12);
});

it('is undefined where nothing varies, which is no 0', () => {
  expect(pearson([1, 1, 1], [1, 2, 3])).toBeNaN();
  expect(spearman([1, 2, 3], [5, 5, 5])).toBeNaN();
  expect(pearson([0.1, 0.1, 0.1], [1, 2, 3])).toBeNaN();
  expect(pearson([1], [2])).toBeNaN();
  expect(pearson([], [])).toBeNaN();
});

it.each([pearson, spearman])(
  '%o refuses what is no number, by its place, and lists of different lengths',
  (correlate) => {
    expect(() => correlate([1, 2, Number.NaN], [1, 2, 3])).toThrow('pair 2 is NaN, 3');
    expect(() => correlate([1, 2], [1, Number.NEGATIVE_INFINITY])).toThrow('pair 1 is 2, -Infinity');
    expect(() => correlate([1, 2], [1, 2, 3])).toThrow('2 values with 3');
  },
);
