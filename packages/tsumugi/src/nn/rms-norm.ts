// RMS normalisation over the last dimension.
import { checkNumber, checkOptions, type OptionNames } from '../base/index.ts';
import type { Tensor } from '../torch/index.ts';
import { rmsNorm, rmsNormAdd } from './functional/rms-norm.ts';
import { Module } from './module.ts';
import { constantParameter, deviceOf, layerHints, makeWeight, type WeightOptions } from './weights.ts';

export interface RMSNormOptions extends Pick<WeightOptions, 'rng' | 'weight'> {
  /** Added to the weight, which then starts at 0; without an offset the weight starts at 1. */
  offset?: number;
  /** Added to the mean square inside the root. */
  eps?: number;
}

const rmsNormOptions: OptionNames<RMSNormOptions> = { rng: true, weight: true, offset: true, eps: true };

/**
 * x / √(mean(x²) + eps) · (offset + weight) over the last dimension.
 * Zhang & Sennrich 2019, arXiv 1910.07467; the offset as in PLaMo 2.
 *
 * @example
 * ```ts
 * console.log(new RMSNorm(2).forward(tensor([2, -2])).round().tolist()); // prints [1,-1]
 * ```
 */
export class RMSNorm extends Module {
  weight: Tensor;
  readonly offset: number;
  readonly eps: number;

  constructor(size: number, options: RMSNormOptions = {}) {
    super();
    checkOptions('RMSNorm', options, rmsNormOptions, layerHints);
    checkNumber('RMSNorm', 'size', size, { min: 1, whole: true });
    this.offset = checkNumber('RMSNorm', 'offset', options.offset ?? 0, {});
    this.eps = checkNumber('RMSNorm', 'eps', options.eps ?? 1e-6, { min: 0 });
    this.weight = options.weight
      ? makeWeight([size], options)
      : constantParameter([size], this.offset === 0 ? 1 : 0, deviceOf(options));
  }

  /** [..., size] → the same. */
  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, { offset: this.offset, eps: this.eps });
  }

  /** residual + forward(x), as one pass over both. All [..., size]. */
  forwardAdd(residual: Tensor, x: Tensor): Tensor {
    return rmsNormAdd(residual, x, this.weight, { offset: this.offset, eps: this.eps });
  }
}
