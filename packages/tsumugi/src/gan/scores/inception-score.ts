// The Inception score: sure of every image, and unsure over all of them.
//
//   IS = exp E_x KL(p(y|x) ‖ p(y)),   p(y) = E_x p(y|x),   in nats
//
// Salimans et al. 2016, arXiv 1606.03498. The images are cut, in their order, into splits with a p(y) of their own; the
// score is the mean over the splits and the spread their standard deviation (divisor: the number of splits), if there are several.
import { ConfigError, ShapeError, UserError } from '../../base/index.ts';
import { requireFiniteRows } from '../../nn/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';

/** Probabilities in half precision are off by less. */
const SUM_TOLERANCE = 1e-2;

export interface MeanAndSpread {
  mean: number;
  /** Standard deviation over splits or subsets; undefined when there is only one. */
  std?: number;
}

/** Mean and population standard deviation; of a single value the value alone. */
export function meanAndSpread(values: readonly number[]): MeanAndSpread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { mean };
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
}

/** E KL(p(y|x) ‖ p(y)) of rows [N, C]; 0 log 0 is 0. */
function divergence(rows: Tensor): number {
  return scope(() => {
    const p = rows.to('float64');
    const entropy = (q: Tensor) => q.mul(q.clamp(Number.MIN_VALUE).log()).sum(-1).neg();
    // KL(p ‖ q) averaged is H(q) − E H(p) when q is the mean of p.
    return entropy(p.mean([0])).item() - entropy(p).mean().item();
  });
}

/** @throws ConfigError when so many images cannot have so many splits */
export function checkSplits(images: number, splits: number): void {
  if (Number.isInteger(splits) && splits >= 1 && images >= splits) return;
  throw new ConfigError('bad-splits', `the Inception score of ${images} images cannot have ${splits} splits`, {
    remedy: 'Splits are a whole number from 1 to the number of images: ask for fewer, or give more images.',
    fields: { splits, images },
  });
}

/** Logits in their place give a score as well, or NaN. */
function requireDistributions(rows: Tensor): void {
  const odd = scope(() => {
    const p = rows.to('float64');
    return p
      .sum([1])
      .sub(1)
      .abs()
      .gt(SUM_TOLERANCE)
      .logicalOr(p.amin([1]).lt(0))
      .nonzero()
      .flatten()
      .data()[0];
  });
  if (odd === undefined) return;
  throw new UserError(
    'no-distribution',
    `row ${odd} of the probabilities is none: it sums to something else than 1, or goes below 0`,
    {
      remedy: 'Give probabilities, not logits: take their softmax.',
      fields: { row: Number(odd) },
    },
  );
}

/**
 * @param probabilities [N, C], each row a distribution over classes
 * @param splits how many parts of ⌊N/splits⌋ or one more; 10 in the paper
 * @throws ConfigError when there are fewer images than splits; ShapeError; UserError for rows that are no distributions
 */
export function inceptionScore(probabilities: Tensor, splits = 10): MeanAndSpread {
  if (probabilities.ndim !== 2)
    throw new ShapeError(
      'wrong-shape',
      `inceptionScore: expected probabilities [N, classes], got [${probabilities.shape.join(', ')}]`,
    );
  const N = probabilities.size(0);
  checkSplits(N, splits);
  requireFiniteRows(probabilities, (row) => `row ${row} of the probabilities`, 'Check the network that gave them.');
  requireDistributions(probabilities);
  const scores = Array.from({ length: splits }, (_, i) => {
    const [from, to] = [Math.floor((i * N) / splits), Math.floor(((i + 1) * N) / splits)];
    return scope(() => Math.exp(divergence(probabilities.narrow(0, from, to - from))));
  });
  return meanAndSpread(scores);
}
