// For tests that something learns. One seed on one processor says little: another order of additions, another stream of
// random numbers, and the value is another. So `npm run test:long` takes a value over seeds, and it must clear its bound by twice its
// spread. `npm test` has no time for that: there the first seed has to clear the bound.
import { expect } from 'vitest';
import { thorough } from './thorough.testing.ts';

/** Where the value has to end up. One of the two. */
export type Bound = { below: number } | { above: number };

/**
 * Takes `measure` at every seed (three unless others are given) and expects the mean to clear the bound by at least twice
 * the spread (largest − smallest); in `npm test` at the first seed alone. For values that differ by factors, measure a logarithm.
 *
 * @returns the values, in the order of the seeds
 */
export async function expectOverSeeds(
  measure: (seed: number) => number | Promise<number>,
  bound: Bound,
  seeds: readonly number[] = [1, 2, 3],
  all = thorough,
): Promise<number[]> {
  expect(seeds.length, 'seeds').toBeGreaterThanOrEqual(3);
  const values: number[] = [];
  const taken = all ? seeds : seeds.slice(0, 1);
  for (const seed of taken) values.push(await measure(seed));
  const { mean, spread, margin, wanted } = judge(values, bound);
  const shown = taken.map((seed, i) => `${values[i]!.toPrecision(4)} (seed ${seed})`).join(', ');
  const what = `mean ${mean.toPrecision(4)}, spread ${spread.toPrecision(3)}, to be ${wanted}: ${shown}`;
  expect(margin, `margin to the bound; ${what}`).toBeGreaterThanOrEqual(2 * spread);
  expect(margin, `margin to the bound; ${what}`).toBeGreaterThan(0);
  return values;
}

/** NaN in any value makes the margin NaN, which clears nothing. */
function judge(values: readonly number[], bound: Bound) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.max(...values) - Math.min(...values);
  return 'below' in bound
    ? { mean, spread, margin: bound.below - mean, wanted: `below ${bound.below}` }
    : { mean, spread, margin: mean - bound.above, wanted: `above ${bound.above}` };
}
