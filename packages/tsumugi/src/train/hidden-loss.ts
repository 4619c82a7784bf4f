// How far outputs of two models' layers lie apart.
import type { Tensor } from '../torch/index.ts';

/** The norm below which a vector has no direction, as in PyTorch's cosine_similarity. */
const least = 1e-8;

/**
 * Σ over the tokens of the mean squared difference of the channels, or of 1 − cosine.
 *
 * @param student [..., D], projected to the teacher's width
 * @param teacher [..., D]
 * @param counts [...] 1 for the tokens that take part, 0 for the others
 */
export function hiddenLoss(kind: 'mse' | 'cosine', student: Tensor, teacher: Tensor, counts: Tensor): Tensor {
  const wide = (each: Tensor) => (each.dtype === 'float64' ? each : each.float());
  const [a, b] = [wide(student), wide(teacher).detach()];
  if (kind === 'mse') return a.sub(b).square().mean([-1]).mul(counts).sum();
  const norm = (each: Tensor) =>
    each
      .square()
      .sum([-1])
      .clamp(least ** 2)
      .sqrt();
  const cosine = a
    .mul(b)
    .sum([-1])
    .div(norm(a).mul(norm(b)));
  return cosine.mul(-1).add(1).mul(counts).sum();
}
