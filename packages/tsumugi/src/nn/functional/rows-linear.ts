// Products of a few rows with a weight, each row by itself: what a text is answered does not depend on those beside it. A BLAS sums
// in another order for another number of rows, so that the last bits of a row tell how many there were.
import { customOperator, kernelTakes, linear, noGrad, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::rows_linear');

let depth = 0;

/**
 * Runs `body`, which must be synchronous, with linear maps that give each row of x the same bits whatever the other rows are:
 * `Linear`, heads, adapters and quantized layers, on the CPU in f32 and f64. Nothing is recorded for backward. Elsewhere the
 * results are right to rounding, as always.
 */
export const independentRows = <T>(body: () => T): T =>
  noGrad(() => {
    depth++;
    try {
      return body();
    } finally {
      depth--;
    }
  });

/** Whether `independentRows` is at work. */
export const rowsAreIndependent = (): boolean => depth > 0;

/**
 * x·Wᵀ, row by row. Not differentiable.
 *
 * @param x [..., in]
 * @param weight [out, in]
 * @returns [..., out]
 */
export function rowsLinear(x: Tensor, weight: Tensor): Tensor {
  if (x.ndim === 0 || !kernelTakes('tsumugi::rows_linear', x, weight)) return rowsLinearPlain(x, weight);
  const [outputs, inputs] = weight.shape as [number, number];
  if (x.ndim === 2) return kernel(x, weight);
  return kernel(x.reshape([x.numel() / inputs, inputs]), weight).reshape([...x.shape.slice(0, -1), outputs]);
}

/** The plain twin of `rowsLinear`: any device and dtype. */
export const rowsLinearPlain = (x: Tensor, weight: Tensor): Tensor => linear(x, weight);
