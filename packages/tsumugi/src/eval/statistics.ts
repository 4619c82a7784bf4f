// Intervals of metrics: the percentile bootstrap.
//
//   resample n records out of the n with replacement, compute the metric again, 1,000 times; the interval goes from the
//   2.5 % to the 97.5 % quantile of what came out (between two order statistics: linear)
//
// Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13. It speaks of the sampling of records alone:
// not of the model's own sampling, nor of the wording of the prompt.
//
// Of a share (right or wrong), Wilson's score interval, which is there for 0 of n, too:
//
//   (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.96
//
// Source: Wilson 1927, J. Am. Stat. Assoc. 22; its values for single counts: Newcombe 1998, Stat. Med. 17, table I.
import { invariant, RandomStream, UserError } from '../base/index.ts';

export const RESAMPLES = 1000;
const COVERAGE = 0.95;

/**
 * A metric over records, with its 95 % interval. Null where there is none: no finite value, fewer than two records, or records
 * that are all alike.
 */
export interface Interval {
  value: number | null;
  low: number | null;
  high: number | null;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The q-quantile of ascending values, linear between two of them. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  const place = q * (ascending.length - 1);
  const below = Math.floor(place);
  const [a, b] = [ascending[below]!, ascending[Math.min(below + 1, ascending.length - 1)]!];
  return a + (b - a) * (place - below);
}

/**
 * `statistic` over `items` with its bootstrap interval. The same seed draws the same resamples.
 *
 * @param statistic may give a number that is not finite for a resample (a correlation of equal values): it is left out
 */
export function bootstrap<T>(
  items: readonly T[],
  statistic: (items: readonly T[]) => number,
  options: { seed: number; resamples?: number },
): Interval {
  const { seed, resamples = RESAMPLES } = options;
  const value = finite(items.length === 0 ? Number.NaN : statistic(items));
  if (items.length < 2 || value === null) return { value, low: null, high: null };
  invariant(resamples > 0, 'there is at least one resample');
  const stream = new RandomStream(seed);
  const drawn: number[] = [];
  const sample = items.slice();
  for (let r = 0; r < resamples; r++) {
    for (let i = 0; i < sample.length; i++) sample[i] = items[stream.below(items.length)]!;
    const again = statistic(sample);
    if (Number.isFinite(again)) drawn.push(again);
  }
  if (drawn.length === 0) return { value, low: null, high: null };
  const ascending = Float64Array.from(drawn).sort();
  // Records that are all alike (all wrong, say) give the same metric in every resample, which says nothing of others.
  if (ascending[0] === ascending.at(-1)) return { value, low: null, high: null };
  const tail = (1 - COVERAGE) / 2;
  return { value, low: quantile(ascending, tail), high: quantile(ascending, 1 - tail) };
}

const z = 1.959963984540054;

/** The share `count` of `n` with its 95 % interval. */
export function wilson(count: number, n: number): Interval {
  if (n === 0) return { value: null, low: null, high: null };
  const p = count / n;
  const middle = p + z ** 2 / (2 * n);
  const half = z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  const whole = 1 + z ** 2 / n;
  return { value: p, low: Math.max(0, (middle - half) / whole), high: Math.min(1, (middle + half) / whole) };
}

/** The mean with its interval. @throws UserError for a value that is no finite number */
export function bootstrapMean(values: readonly number[], options: { seed: number; resamples?: number }): Interval {
  const odd = values.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0)
    throw new UserError('not-finite', `a mean over values that are no numbers: value ${odd} is ${values[odd]}`, {
      remedy: 'Leave out samples without a value, and say how many.',
      fields: { index: odd },
    });
  return bootstrap(values, mean, options);
}
