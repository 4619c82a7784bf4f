// Weight normalization without the learned lengths (Salimans & Kingma 2016, arXiv 1602.07868): as SN-GAN compares with it
// (Miyato et al. 2018), where a learned multiplier would undo the bound.
import { linalgVectorNorm, type Tensor } from '../torch/index.ts';
import { Module } from './module.ts';
import type { WeightNormalization } from './weights.ts';

/** Added to norms, so that a row of zeros stays one. */
const eps = 1e-12;

/**
 * w → w/‖w‖ for every output's row w [in·taps] of a weight [out, in, …taps], for the `norm` of a layer.
 *
 * @example
 * ```ts
 * console.log(new WeightNorm().forward(tensor([[3, 4]])).mul(10).round().tolist()); // prints [[6,8]]
 * ```
 */
export class WeightNorm extends Module {
  forward(weight: Tensor): Tensor {
    const rows = weight.flatten(1);
    return rows.div(linalgVectorNorm(rows, 2, 1, true).add(eps)).view(weight.shape);
  }
}

/**
 * Weight normalization as an option of a layer.
 *
 * @example
 * ```ts
 * const layer = new Linear(1, 1, { weightNormalization: weightNorm() });
 * console.log(layer.evaluatedWeight().abs().item().toFixed(4)); // prints 1.0000
 * ```
 */
export const weightNorm = (): WeightNormalization => () => new WeightNorm();
