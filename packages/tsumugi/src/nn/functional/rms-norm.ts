// RMSNorm with an offset added to the learned weight, alone or with the residual addition that follows it.
import { ShapeError } from '../../base/index.ts';
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';

export interface RmsNormOptions {
  /** Added to the weight, e.g. 1 for weights that start at 0. */
  offset?: number;
  /** Added to the mean square. */
  eps: number;
}

const kernel = customOperator('tsumugi::rms_norm');

function check(x: Tensor, weight: Tensor): void {
  if (weight.ndim === 1 && x.shape.at(-1) === weight.size(0)) return;
  throw new ShapeError(
    'wrong-shape',
    `rmsNorm: x [${x.shape.join(', ')}] must end in the size of weight [${weight.shape.join(', ')}]`,
  );
}

/**
 * x·rsqrt(mean(x²) + eps)·(offset + weight) over the last dimension, statistics in f32 at least.
 * Zhang & Sennrich 2019, arXiv 1910.07467.
 *
 * @param x [..., D]; rows may lie apart, as in a slice of the last dimension
 * @param weight [D]
 * @returns [..., D], contiguous
 */
export function rmsNorm(x: Tensor, weight: Tensor, options: RmsNormOptions): Tensor {
  check(x, weight);
  return kernelTakes('tsumugi::rms_norm', x, weight)
    ? kernel(x, weight, null, options.offset ?? 0, options.eps)
    : rmsNormPlain(x, weight, options);
}

/** residual + rmsNorm(x, weight), as one pass over both. All [..., D]. */
export function rmsNormAdd(residual: Tensor, x: Tensor, weight: Tensor, options: RmsNormOptions): Tensor {
  check(x, weight);
  if (residual.shape.join() !== x.shape.join())
    throw new ShapeError(
      'wrong-shape',
      `rmsNormAdd: residual [${residual.shape.join(', ')}] and x [${x.shape.join(', ')}] must have one shape`,
    );
  return kernelTakes('tsumugi::rms_norm', x, weight, residual)
    ? kernel(x, weight, residual, options.offset ?? 0, options.eps)
    : residual.add(rmsNormPlain(x, weight, options));
}

/** The plain twin of `rmsNorm`: any device and dtype. */
export function rmsNormPlain(x: Tensor, weight: Tensor, { offset = 0, eps }: RmsNormOptions): Tensor {
  const wide = x.dtype === 'float64' ? x : x.float();
  const scale = wide.square().mean([-1], true).add(eps).rsqrt();
  return wide.mul(scale).to(x.dtype).mul(weight.add(offset).to(x.dtype));
}
