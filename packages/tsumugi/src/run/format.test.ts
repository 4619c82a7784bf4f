// Numbers for people: every unit, and the roundings at their borders.
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatDuration, formatInteger, formatNumber, formatSpread } from './index.ts';

const table = (format: (value: number) => string, rows: [number, string][]) => {
  for (const [value, text] of rows) expect(`${value}: ${format(value)}`).toBe(`${value}: ${text}`);
};

describe('numbers', () => {
  it('durations', () => {
    // biome-ignore format: a table
    table(formatDuration, [
      [0, '0 ms'], [0.0004, '0 ms'], [0.85, '850 ms'], [0.9996, '1.0 s'], [12.34, '12.3 s'], [59.94, '59.9 s'],
      [59.96, '1 min 00 s'], [200, '3 min 20 s'], [3599.4, '59 min 59 s'], [3599.6, '1 h 00 min'], [3900, '1 h 05 min'],
      [86399, '1 d 00 h'], [183600, '2 d 03 h'], [Number.NaN, '–'], [Number.POSITIVE_INFINITY, '–'],
    ]);
  });

  it('sizes', () => {
    // biome-ignore format: a table
    table(formatBytes, [
      [0, '0 B'], [1023, '1023 B'], [1024, '1.00 KiB'], [1536, '1.50 KiB'], [1023.9 * 1024, '1.00 MiB'],
      [12.34 * 2 ** 20, '12.3 MiB'], [123.4 * 2 ** 30, '123 GiB'], [5000 * 2 ** 40, '5000 TiB'],
    ]);
  });

  it('counts', () => {
    // biome-ignore format: a table
    table(formatCount, [
      [0, '0'], [9999, '9,999'], [9999.6, '10.0K'], [12345, '12.3K'], [99_950, '100K'], [999_499, '999K'],
      [999_500, '1.00M'], [18_300_000, '18.3M'], [1_291_441_920, '1.29B'], [9.995e12, '10.0T'], [-20_000, '-20.0K'],
    ]);
    expect(formatInteger(1_291_441_920)).toBe('1,291,441,920');
  });

  it('losses and norms', () => {
    // biome-ignore format: a table
    table(formatNumber, [
      [0, '0.000'], [2.34567, '2.346'], [23.4567, '23.46'], [234.567, '234.6'], [3e-4, '3.00e-4'], [-2.5, '-2.500'],
      [123456, '1.23e+5'], [Number.NaN, 'NaN'], [Number.POSITIVE_INFINITY, 'Infinity'],
    ]);
  });
});

it('spreads: mean, range, and half of the interval', () => {
  const of = { n: 3, mean: 4, least: 2, greatest: 6, low: -0.97, high: 8.97, lost: 0, unit: '' };
  expect(formatSpread(of)).toBe('4 (2–6)');
  expect(formatSpread({ ...of, unit: 'bits' }, { interval: true })).toBe('4 bits (2–6) ± 4.970');
  expect(formatSpread({ ...of, mean: 4.5, unit: 'bits' })).toBe('4.500 bits (2.000–6.000)');
  expect(formatSpread({ ...of, unit: 's' }, { interval: true })).toBe('4.0 s (2.0 s–6.0 s) ± 5.0 s');
  expect(formatSpread({ ...of, least: 4, greatest: 4 }, { interval: true })).toBe('4');
  expect(formatSpread({ ...of, mean: null, lost: 2 })).toBe('not finite in 2 of 3');
});
