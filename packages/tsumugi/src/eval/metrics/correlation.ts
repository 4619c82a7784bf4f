// Correlations of predicted with true scores, as llm-jp-eval takes them for JSTS. Source: llm-jp-eval v1.3.0.
//
//   pearson    Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² · Σ(y−ȳ)²), NaN where one of them does not vary (llm-jp-eval counts 0 there)
//   spearman   pearson of the ranks; equal values share the mean of their ranks
import { UserError } from '../../base/index.ts';

/** What an answer without a number counts as. */
export const UNREADABLE_SCORE = -2;

/** The number in an answer: its digits and dots, read as one; `UNREADABLE_SCORE` when they are no number. */
export function readScore(answer: string): number {
  const digits = answer.replace(/[^0-9.]/g, '');
  const score = /^(\d+\.?\d*|\.\d+)$/.test(digits) ? Number(digits) : Number.NaN;
  return Number.isFinite(score) ? score : UNREADABLE_SCORE;
}

/**
 * Pearson's correlation, −1 … 1; NaN where it is undefined: fewer than two values, or values that are all alike.
 *
 * @throws UserError for lists of different lengths, and for what is no finite number
 */
export function pearson(x: readonly number[], y: readonly number[]): number {
  checkPairs(x, y);
  // A mean of equal values need not equal them, so sums of squares do not tell.
  if (isConstant(x) || isConstant(y)) return Number.NaN;
  const [deviationsX, deviationsY] = [deviationsOf(x), deviationsOf(y)];
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [deviationsX[i]!, deviationsY[i]!];
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  const scale = Math.sqrt(xx) * Math.sqrt(yy);
  return scale > 0 ? Math.max(-1, Math.min(1, xy / scale)) : Number.NaN;
}

/** Spearman's rank correlation, −1 … 1; undefined, and refused, where Pearson's is. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  checkPairs(x, y);
  return pearson(ranks(x), ranks(y));
}

const isConstant = (values: readonly number[]) => values.every((value) => value === values[0]);

function checkPairs(x: readonly number[], y: readonly number[]): void {
  if (x.length !== y.length)
    throw new UserError('lengths-differ', `a correlation of ${x.length} values with ${y.length}`, {
      remedy: 'Give one value of each kind for every sample.',
    });
  const odd = x.findIndex((value, i) => !Number.isFinite(value) || !Number.isFinite(y[i]));
  if (odd >= 0)
    throw new UserError(
      'not-finite',
      `a correlation of values that are no numbers: pair ${odd} is ${x[odd]}, ${y[odd]}`,
      {
        remedy: 'Leave out samples without a value, and say how many.',
        fields: { index: odd },
      },
    );
}

/** From the mean, in a unit of which the largest is about 1: squares of the values themselves may be no numbers (1e300), or 0. */
function deviationsOf(values: readonly number[]): number[] {
  const scaled = inUnits(values);
  const mean = meanOf(scaled);
  return inUnits(scaled.map((value) => value - mean));
}

/** The values over a power of two, which rounds nothing, so that the largest is about 1. */
function inUnits(values: readonly number[]): number[] {
  const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const unit = 2 ** Math.max(-1022, Math.min(1023, Math.floor(Math.log2(most))));
  return values.map((value) => value / unit);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_value, i) => i).sort((i, j) => values[i]! - values[j]!);
  const ranked = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let k = start; k < end; k++) ranked[order[k]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranked;
}
