// Policies over points of a `Box`: normal distributions, whose mean is W x + b and whose variance is
//
//   GaussianHead                   softplus of a second linear layer: another one for each state
//   StateIndependentGaussianHead   a parameter
//   FixedGaussianHead              a constant
//   SquashedGaussianHead           exp of twice a second linear layer, clamped; and tanh afterwards
import { checkChoice, checkNumber, checkNumbers, checkOptions, type OptionNames } from '../../base/index.ts';
import { Linear, Module, parameter } from '../../nn/index.ts';
import { full, type Tensor } from '../../torch/index.ts';
import { Gaussian, SquashedGaussian } from '../distributions/index.ts';
import type { Box } from '../spaces/index.ts';
import { affine } from './affine.ts';
import { BoundByTanh } from './bound-by-tanh.ts';
import { type HeadOptions, headOptions, layerOptions } from './head-options.ts';

/** One variance for all dimensions, or one for each. */
export type Covariance = 'spherical' | 'diagonal';

interface MeanOptions extends HeadOptions {
  /** The box that tanh brings the mean into; none when left out. */
  boundMean?: Box;
}

export interface GaussianHeadOptions extends MeanOptions {
  /** 'diagonal' when left out. */
  covariance?: Covariance;
  /** Added to the variance; 0 when left out. */
  minVariance?: number;
}

const meanOptions: OptionNames<MeanOptions> = { ...headOptions, boundMean: true };
const gaussianOptions: OptionNames<GaussianHeadOptions> = { ...meanOptions, covariance: true, minVariance: true };

/** W x + b, in the box of `boundMean`. */
abstract class MeanHead extends Module {
  readonly mean: Linear;
  readonly bound: BoundByTanh | null;
  readonly size: number;

  constructor(inFeatures: number, size: number, options: MeanOptions) {
    super();
    this.size = size;
    this.mean = new Linear(inFeatures, size, layerOptions(options));
    this.bound = options.boundMean ? new BoundByTanh(options.boundMean, this.mean.weight.device) : null;
  }

  protected meanOf(features: Tensor): Tensor {
    const mean = affine(this.mean, features);
    return this.bound ? this.bound.forward(mean) : mean;
  }
}

const columns = (owner: string, covariance: Covariance = 'diagonal', size: number) =>
  checkChoice(owner, 'covariance', covariance, ['spherical', 'diagonal']) === 'diagonal' ? size : 1;

export class GaussianHead extends MeanHead {
  readonly variance: Linear;
  readonly minVariance: number;

  constructor(inFeatures: number, size: number, options: GaussianHeadOptions = {}) {
    checkOptions('GaussianHead', options, gaussianOptions);
    super(inFeatures, size, options);
    this.minVariance = checkNumber('GaussianHead', 'minVariance', options.minVariance ?? 0, { min: 0 });
    this.variance = new Linear(inFeatures, columns('GaussianHead', options.covariance, size), layerOptions(options));
  }

  forward(features: Tensor): Gaussian {
    const mean = this.meanOf(features);
    const variance = affine(this.variance, features).softplus();
    const above = this.minVariance === 0 ? variance : variance.add(this.minVariance);
    return new Gaussian(mean, above.expand(mean.shape));
  }
}

export interface StateIndependentGaussianHeadOptions extends MeanOptions {
  covariance?: Covariance;
  /** What the parameter p stands for: σ² = softplus(p) (when left out), or p = log σ, as PPO has it on MuJoCo. */
  parameter?: 'softplus' | 'log-std';
  /** The parameter's first value; 0 when left out. */
  init?: number;
}

const stateIndependentOptions: OptionNames<StateIndependentGaussianHeadOptions> = {
  ...meanOptions,
  covariance: true,
  parameter: true,
  init: true,
};

export class StateIndependentGaussianHead extends MeanHead {
  /** [A], or [1] */
  readonly variance: Tensor;
  readonly kind: 'softplus' | 'log-std';

  constructor(inFeatures: number, size: number, options: StateIndependentGaussianHeadOptions = {}) {
    const owner = 'StateIndependentGaussianHead';
    checkOptions(owner, options, stateIndependentOptions);
    super(inFeatures, size, options);
    this.kind = checkChoice(owner, 'parameter', options.parameter ?? 'softplus', ['softplus', 'log-std']);
    const init = checkNumber(owner, 'init', options.init ?? 0, {});
    const { device } = this.mean.weight;
    this.variance = parameter(full([columns(owner, options.covariance, size)], init, { dtype: 'float32', device }));
  }

  forward(features: Tensor): Gaussian {
    const mean = this.meanOf(features);
    const variance = this.kind === 'softplus' ? this.variance.softplus() : this.variance.mul(2).exp();
    return new Gaussian(mean, variance.expand(mean.shape));
  }
}

export interface FixedGaussianHeadOptions extends MeanOptions {
  /** 1 when left out. */
  variance?: number;
}

export class FixedGaussianHead extends MeanHead {
  readonly variance: number;

  constructor(inFeatures: number, size: number, options: FixedGaussianHeadOptions = {}) {
    checkOptions('FixedGaussianHead', options, { ...meanOptions, variance: true });
    super(inFeatures, size, options);
    this.variance = checkNumber('FixedGaussianHead', 'variance', options.variance ?? 1, { above: 0 });
  }

  forward(features: Tensor): Gaussian {
    const mean = this.meanOf(features);
    return new Gaussian(mean, full(mean.shape, this.variance, { dtype: mean.dtype, device: mean.device }));
  }
}

export interface SquashedGaussianHeadOptions extends HeadOptions {
  /** Log σ is clamped to it; [−20, 2] when left out, as SAC has it. */
  logStdRange?: readonly [number, number];
}

export class SquashedGaussianHead extends MeanHead {
  readonly logStd: Linear;
  readonly logStdRange: readonly [number, number];

  constructor(inFeatures: number, size: number, options: SquashedGaussianHeadOptions = {}) {
    checkOptions('SquashedGaussianHead', options, { ...headOptions, logStdRange: true });
    super(inFeatures, size, options);
    const [low, high] = options.logStdRange ?? [-20, 2];
    checkNumbers('SquashedGaussianHead', { low, high }, {});
    this.logStdRange = [low, high];
    this.logStd = new Linear(inFeatures, size, layerOptions(options));
  }

  forward(features: Tensor): SquashedGaussian {
    const logStd = affine(this.logStd, features).clamp(...this.logStdRange);
    return new SquashedGaussian(this.meanOf(features), logStd.mul(2).exp());
  }
}
