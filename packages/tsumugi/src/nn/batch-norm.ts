// Batch normalisation with running statistics (Ioffe & Szegedy 2015, arXiv 1502.03167).
import { checkNumber, checkOptions, type OptionNames, ShapeError } from '../base/index.ts';
import { batchNorm, ones, type Rng, type Tensor, zeros } from '../torch/index.ts';
import { buffer, Module } from './module.ts';
import { constantParameter, deviceOf, layerHints } from './weights.ts';

export interface BatchNormOptions {
  /** Whose device it is made on; the CPU when left out. */
  rng?: Rng | undefined;
  /** Added to the variance inside the root. */
  eps?: number;
  /** Share of the new batch in the running statistics: running ← (1 − momentum) · running + momentum · batch. */
  momentum?: number;
  /** Whether there are `weight` and `bias`; without them a caller can scale by class (conditional batch norm). */
  affine?: boolean;
  /** Whether there is a `weight` beside the bias. */
  scale?: boolean;
}

const batchNormOptions: OptionNames<BatchNormOptions> = {
  rng: true,
  eps: true,
  momentum: true,
  affine: true,
  scale: true,
};

/**
 * Per channel, over everything else: [B, C], [B, C, L] or [B, C, H, W] → the same. While training it uses the batch's
 * own mean and biased variance and updates the running ones (with the unbiased variance); after `eval()` it uses those.
 *
 * @example
 * ```ts
 * console.log(new BatchNorm(1).forward(tensor([[1], [3]])).round().tolist()); // prints [[-1],[1]]
 * ```
 */
export class BatchNorm extends Module {
  weight: Tensor | null;
  bias: Tensor | null;
  running_mean: Tensor;
  running_var: Tensor;
  /** Batches seen, int64 []. */
  num_batches_tracked: Tensor;
  readonly eps: number;
  readonly momentum: number;

  constructor(numChannels: number, options: BatchNormOptions = {}) {
    super();
    checkOptions('BatchNorm', options, batchNormOptions, layerHints);
    const { affine = true, scale = true } = options;
    const device = deviceOf(options);
    checkNumber('BatchNorm', 'numChannels', numChannels, { min: 1, whole: true });
    this.eps = checkNumber('BatchNorm', 'eps', options.eps ?? 1e-5, { min: 0 });
    this.momentum = checkNumber('BatchNorm', 'momentum', options.momentum ?? 0.1, { min: 0, max: 1 });
    this.weight = affine && scale ? constantParameter([numChannels], 1, device) : null;
    this.bias = affine ? constantParameter([numChannels], 0, device) : null;
    this.running_mean = buffer(zeros([numChannels], { device }));
    this.running_var = buffer(ones([numChannels], { device }));
    this.num_batches_tracked = buffer(zeros([], { dtype: 'int64', device }));
  }

  /** @throws ShapeError while training, for a single value per channel: it has no variance, and the running one would be NaN */
  forward(x: Tensor): Tensor {
    if (this.training) {
      if (x.numel() === x.size(1))
        throw new ShapeError(
          'no-variance',
          `BatchNorm: [${x.shape.join(', ')}] holds one value per channel, which has no variance to train with`,
          { remedy: 'Give more than one sample, or call eval() to use the running statistics.' },
        );
      this.num_batches_tracked.add_(1);
    }
    const { weight, bias, running_mean, running_var, training, momentum, eps } = this;
    return batchNorm(x, weight, bias, running_mean, running_var, training, momentum, eps, true);
  }
}
