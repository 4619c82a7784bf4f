// Layer normalisation over the last dimensions.
import { checkNumber, checkOptions, type OptionNames } from '../base/index.ts';
import { layerNorm, type Rng, type Tensor } from '../torch/index.ts';
import { Module } from './module.ts';
import { constantParameter, deviceOf, layerHints } from './weights.ts';

export interface LayerNormOptions {
  /** Whose device it is made on; the CPU when left out. */
  rng?: Rng | undefined;
  /** Added to the variance inside the root. */
  eps?: number;
  /** Whether there are `weight` and `bias`. */
  affine?: boolean;
  /** Whether there is a `bias` beside the weight. */
  bias?: boolean;
  /** Whether there is a `weight` beside the bias. */
  scale?: boolean;
}

const layerNormOptions: OptionNames<LayerNormOptions> = {
  rng: true,
  eps: true,
  affine: true,
  bias: true,
  scale: true,
};

/**
 * (x − mean) / √(var + eps) · weight + bias over the last dimensions. Ba et al. 2016, arXiv 1607.06450.
 *
 * @example
 * ```ts
 * console.log(new LayerNorm(2).forward(tensor([1, 3])).round().tolist()); // prints [-1,1]
 * ```
 */
export class LayerNorm extends Module {
  weight: Tensor | null;
  bias: Tensor | null;
  readonly shape: readonly number[];
  readonly eps: number;

  /** @param shape the last dimensions: a size, or several */
  constructor(shape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    checkOptions('LayerNorm', options, layerNormOptions, layerHints);
    const device = deviceOf(options);
    const { affine = true, bias = true, scale = true } = options;
    this.shape = typeof shape === 'number' ? [shape] : shape;
    for (const size of this.shape) checkNumber('LayerNorm', 'shape', size, { min: 1, whole: true });
    this.eps = checkNumber('LayerNorm', 'eps', options.eps ?? 1e-5, { min: 0 });
    this.weight = affine && scale ? constantParameter(this.shape, 1, device) : null;
    this.bias = affine && bias ? constantParameter(this.shape, 0, device) : null;
  }

  /** [..., shape] → the same. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.shape, this.weight, this.bias, this.eps);
  }
}
