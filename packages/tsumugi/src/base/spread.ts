// A few values of one thing (a metric over seeds): mean, range, and the interval that holds the mean of all seeds in 95 % of such
// samples, by Student's t distribution with n − 1 degrees of freedom. It takes the values to be normal, roughly.

export interface Spread {
  readonly n: number;
  /** Null where a value is not finite (a run that diverged): no mean speaks for them all. */
  readonly mean: number | null;
  readonly least: number | null;
  readonly greatest: number | null;
  /** Of the 95 % interval; null for fewer than two values. */
  readonly low: number | null;
  readonly high: number | null;
  /** How many are not finite. */
  readonly lost: number;
}

/** The 97.5 % quantile of Student's t for 1 … 30 degrees of freedom. */
const quantiles = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604, 2.1448, 2.1314,
  2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
];
const normal = 1.95996;

/** For more degrees of freedom two terms of Fisher's expansion are exact to four digits. */
export function tQuantile(degrees: number): number {
  const third = (normal ** 3 + normal) / 4;
  const fifth = (5 * normal ** 5 + 16 * normal ** 3 + 3 * normal) / 96;
  return quantiles[degrees - 1] ?? normal + third / degrees + fifth / degrees ** 2;
}

export function spreadOf(values: readonly (number | null)[]): Spread {
  const n = values.length;
  const finite = values.filter((value): value is number => value !== null && Number.isFinite(value));
  const none = { n, mean: null, least: null, greatest: null, low: null, high: null, lost: n - finite.length };
  if (finite.length < n || n === 0) return none;
  const mean = finite.reduce((sum, value) => sum + value / n, 0);
  const range = { least: Math.min(...finite), greatest: Math.max(...finite), lost: 0 };
  if (n < 2) return { ...none, mean, ...range };
  const variance = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = tQuantile(n - 1) * Math.sqrt(variance / n);
  return { n, mean, ...range, low: mean - half, high: mean + half };
}
