// The S-curve by hand, and the bands that are chosen by it.
import { expect, it } from 'vitest';
import { bandsFor, chanceOfCandidate } from './bands.ts';

it('has the values of the formula', () => {
  expect(chanceOfCandidate(0.5, { bands: 2, rows: 1 })).toBe(0.75);
  expect(chanceOfCandidate(0.5, { bands: 1, rows: 3 })).toBe(0.125);
  // The table of "Mining of Massive Datasets", §3.4.2, for 20 bands of 5 rows.
  for (const [similarity, chance] of [
    [0.2, 0.006],
    [0.3, 0.047],
    [0.4, 0.186],
    [0.5, 0.47],
    [0.6, 0.802],
    [0.7, 0.975],
    [0.8, 0.9996],
  ] as const)
    expect(Math.abs(chanceOfCandidate(similarity, { bands: 20, rows: 5 }) - chance)).toBeLessThan(0.0006);
});

it('chooses the longest bands that reach the recall', () => {
  // 0.8⁷ = 0.2097: 1 − 0.7903¹⁸ = 0.986. With 8 rows, 0.8⁸ = 0.1678: 1 − 0.8322¹⁶ = 0.947.
  expect(bandsFor(0.8, 128, 0.95)).toEqual({ bands: 18, rows: 7 });
  expect(bandsFor(0.8, 128, 0.94)).toEqual({ bands: 16, rows: 8 });
  expect(bandsFor(1, 128, 0.95)).toEqual({ bands: 1, rows: 128 });
  expect(bandsFor(0.001, 4, 0.95)).toEqual({ bands: 4, rows: 1 });
});
