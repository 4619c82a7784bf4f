// Intervals by the bootstrap against what theory says of them.
import { describe, expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { bootstrap, bootstrapMean, mean, quantile, wilson } from './statistics.ts';

describe('quantile', () => {
  it('is linear between order statistics', () => {
    expect([0, 0.25, 0.5, 0.9, 1].map((q) => quantile([1, 2, 3, 5], q))).toEqual([1, 1.75, 2.5, 4.4, 5]);
    expect(quantile([7], 0.3)).toBe(7);
  });
});

describe('bootstrap', () => {
  const coins = Array.from({ length: 400 }, (_, i) => (i % 10 < 3 ? 1 : 0));

  it('gives a proportion the interval that the normal approximation does', () => {
    const { value, low, high } = bootstrapMean(coins, { seed: 1 });
    const half = 1.96 * Math.sqrt((0.3 * 0.7) / 400); // 0.0449
    expect(value).toBeCloseTo(0.3, 10);
    expect(Math.abs(low! - (0.3 - half))).toBeLessThan(0.006);
    expect(Math.abs(high! - (0.3 + half))).toBeLessThan(0.006);
  });

  it('covers the true mean about 95 times in 100', () => {
    const stream = new RandomStream(5);
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const values = Array.from({ length: 60 }, () => stream.next());
      const { low, high } = bootstrapMean(values, { seed: trial, resamples: 300 });
      if (low! <= 0.5 && 0.5 <= high!) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.9);
    expect(covered / 200).toBeLessThan(0.99);
  });

  it('draws the same for the same seed, and resamples whole records through the statistic', () => {
    const records = coins.map((right, i) => ({ right, weight: 1 + (i % 3) }));
    const weighted = (items: readonly { right: number; weight: number }[]) =>
      items.reduce((sum, { right, weight }) => sum + right * weight, 0) /
      items.reduce((sum, { weight }) => sum + weight, 0);
    const metric = bootstrap(records, weighted, { seed: 3 });
    expect(bootstrap(records, weighted, { seed: 3 })).toEqual(metric);
    expect(bootstrap(records, weighted, { seed: 4 })).not.toEqual(metric);
    expect(metric.value).toBe(weighted(records));
    expect(metric.low!).toBeLessThan(metric.value!);
  });

  it('never averages away what is no number', () => {
    expect(() => bootstrapMean([1, Number.NaN, 2], { seed: 0 })).toThrow('value 1 is NaN');
    expect(() => bootstrapMean([1, 2, Number.POSITIVE_INFINITY], { seed: 0 })).toThrow('value 2 is Infinity');
  });

  it('has no interval for one record, none, or a metric that is no number', () => {
    const none = { low: null, high: null };
    expect(bootstrapMean([2], { seed: 0 })).toEqual({ value: 2, ...none });
    expect(bootstrapMean([], { seed: 0 })).toEqual({ value: null, ...none });
    expect(bootstrap([1, 2], () => Number.NaN, { seed: 0 })).toEqual({ value: null, ...none });
    // A resample of equal values has no correlation: it is left out.
    const odd = bootstrap([1, 2], (items) => (items[0] === items[1] ? Number.NaN : mean(items)), { seed: 0 });
    expect(odd).toEqual({ value: 1.5, ...none });
    // Nor have records that are all alike: none of 5 right is no certainty.
    expect(bootstrapMean([0, 0, 0, 0, 0], { seed: 0 })).toEqual({ value: 0, ...none });
    expect(bootstrapMean([0, 0, 0, 0, 1], { seed: 0 })).toEqual({ value: 0.2, low: 0, high: expect.any(Number) });
  });
});

describe('Wilson’s interval', () => {
  // Newcombe 1998, table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i', (count, n, low, high) => {
    const found = wilson(count, n);
    expect(found.value).toBe(count / n);
    expect(found.low).toBeCloseTo(low, 4);
    expect(found.high).toBeCloseTo(high, 4);
  });

  it('mirrors, and has nothing to say of nothing', () => {
    const [few, many] = [wilson(3, 40), wilson(37, 40)];
    expect(few.low! + many.high!).toBeCloseTo(1, 12);
    expect(few.high! + many.low!).toBeCloseTo(1, 12);
    expect(wilson(0, 0)).toEqual({ value: null, low: null, high: null });
  });
});
