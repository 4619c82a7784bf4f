// The Inception score: sure of every image, and unsure over all of them.
//
//   IS = exp E_x KL(p(y|x) ‖ p(y)),   p(y) = E_x p(y|x),   in nats
//
// Salimans et al. 2016, arXiv 1606.03498. The images are cut, in their order, into splits with a p(y) of their own; the
// score is the mean over the splits and the spread their standard deviation (divisor: the number of splits).
import { ConfigError, ShapeError } from '../../base/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';

export interface MeanAndSpread {
  mean: number;
  /** Standard deviation over splits or subsets. */
  std: number;
}

/** Mean and population standard deviation. */
export function meanAndSpread(values: readonly number[]): MeanAndSpread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
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

/**
 * @param probabilities [N, C], each row a distribution over classes
 * @param splits how many parts of ⌊N/splits⌋ or one more; 10 in the paper
 * @throws ConfigError when there are fewer images than splits; ShapeError
 */
export function inceptionScore(probabilities: Tensor, splits = 10): MeanAndSpread {
  if (probabilities.ndim !== 2)
    throw new ShapeError(
      'wrong-shape',
      `inceptionScore: expected probabilities [N, classes], got [${probabilities.shape.join(', ')}]`,
    );
  const N = probabilities.size(0);
  if (!Number.isInteger(splits) || splits < 1 || N < splits)
    throw new ConfigError('bad-splits', `the Inception score of ${N} images cannot have ${splits} splits`, {
      remedy: 'Ask for fewer splits, or give more images.',
      fields: { splits, images: N },
    });
  const scores = Array.from({ length: splits }, (_, i) => {
    const [from, to] = [Math.floor((i * N) / splits), Math.floor(((i + 1) * N) / splits)];
    return scope(() => Math.exp(divergence(probabilities.narrow(0, from, to - from))));
  });
  return meanAndSpread(scores);
}
