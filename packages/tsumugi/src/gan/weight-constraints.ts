// What else is done to a discriminator's weights in the comparison: clipping (Arjovsky et al. 2017, arXiv 1701.07875) and
// orthonormal regularization (Brock et al. 2017, arXiv 1609.07093, in the form of Miyato et al. 2018).
import { Conv1d, Conv2d, type Module, weightedLayers } from '../nn/index.ts';
import { eye, noGrad, type Tensor, zeros } from '../torch/index.ts';

/** Clips the weights of all convolutions to [−limit, limit], in place; dense layers stay as they are, as published. */
export function clipWeights(module: Module, limit = 0.01): void {
  for (const [, layer] of weightedLayers(module))
    if (layer instanceof Conv1d || layer instanceof Conv2d) noGrad(() => layer.weight.clamp_(-limit, limit));
}

/**
 * Σ ‖W Wᵀ − I‖²_F or Σ ‖Wᵀ W − I‖²_F over the weights [out, in·taps], whichever is smaller: a scalar, 0 when all rows (or
 * columns) are orthonormal. The published ‖Wᵀ W − I‖²_F differs from it by the constant in·taps − out where the weight is
 * wide, and not in its gradient: both are tr((WWᵀ)²) − 2 tr(WWᵀ) + the size of I.
 */
export function orthonormalPenalty(module: Module): Tensor {
  const terms = weightedLayers(module).map(([, layer]) => {
    const matrix = layer.weight.flatten(1);
    const [rows, columns] = matrix.shape as [number, number];
    const gram = rows < columns ? matrix.matmul(matrix.t()) : matrix.t().matmul(matrix);
    return gram
      .sub(eye(gram.size(0), { dtype: gram.dtype, device: gram.device }))
      .square()
      .sum();
  });
  return terms.reduce((sum, term) => sum.add(term), zeros([], { dtype: terms[0]?.dtype, device: terms[0]?.device }));
}
