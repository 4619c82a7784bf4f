// Correlations of predicted with true scores, as llm-jp-eval takes them for JSTS. Source: llm-jp-eval v1.3.0.
//
//   pearson    Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² · Σ(y−ȳ)²), 0 where one of them does not vary
//   spearman   pearson of the ranks; equal values share the mean of their ranks

/** What an answer without a number counts as. */
export const UNREADABLE_SCORE = -2;

/** The number in an answer: its digits and dots, read as one; `UNREADABLE_SCORE` when they are no number. */
export function readScore(answer: string): number {
  const digits = answer.replace(/[^0-9.]/g, '');
  return /^(\d+\.?\d*|\.\d+)$/.test(digits) ? Number(digits) : UNREADABLE_SCORE;
}

/** Pearson's correlation, −1 … 1; 0 where there is none. */
export function pearson(x: readonly number[], y: readonly number[]): number {
  const [meanX, meanY] = [meanOf(x), meanOf(y)];
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i]! - meanX, y[i]! - meanY];
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  const scale = Math.sqrt(xx) * Math.sqrt(yy);
  return scale > 0 ? Math.max(-1, Math.min(1, xy / scale)) : 0;
}

/** Spearman's rank correlation, −1 … 1; 0 where there is none. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  return pearson(ranks(x), ranks(y));
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
