// A normal distribution squashed into (−1, 1) by tanh, as SAC has it. Haarnoja et al. 2018, arXiv 1801.01290, appendix C.
//
//   a = tanh(x), x ~ N(μ, σ²):   log π(a) = log N(x) − Σ log(1 − tanh²x)
import { UserError } from '../../base/index.ts';
import { type Rng, randn, type Tensor } from '../../torch/index.ts';
import type { Distribution } from './distribution.ts';
import { Gaussian } from './gaussian.ts';
import { logDeterminant, squashedSample } from './squashed-sample.ts';

/** The largest number below 1 in float32: what rounds to ±1 was squashed from somewhere, not from ∞. */
const EDGE = 1 - 2 ** -24;

export class SquashedGaussian implements Distribution {
  readonly kind = 'continuous';
  /** Before tanh. */
  readonly base: Gaussian;

  constructor(mean: Tensor, variance: Tensor) {
    this.base = new Gaussian(mean, variance);
  }

  get parameters(): readonly Tensor[] {
    return this.base.parameters;
  }

  withParameters([mean, variance]: readonly Tensor[]): SquashedGaussian {
    return new SquashedGaussian(mean!, variance!);
  }

  sample(rng: Rng): Tensor {
    return this.base.sample(rng).tanh();
  }

  /** An action and log π of it, without the way back through arctanh, which loses digits near ±1. */
  sampleWithLogProbability(rng: Rng): { actions: Tensor; logProbability: Tensor } {
    const { mean, variance } = this.base;
    return squashedSample(mean, variance, randn(mean.shape, rng, { dtype: mean.dtype }));
  }

  mode(): Tensor {
    return this.base.mean.tanh();
  }

  logProbability(actions: Tensor): Tensor {
    const inside = actions.clamp(-EDGE, EDGE);
    const x = inside.log1p().sub(inside.neg().log1p()).mul(0.5);
    return this.base.logProbability(x).sub(logDeterminant(x));
  }

  entropy(): Tensor {
    throw new UserError('no-closed-form', 'the entropy of a squashed normal distribution has no closed form', {
      remedy: 'Take the mean of −log π over samples: sampleWithLogProbability(rng).',
    });
  }

  /** That of the distributions before tanh: a bijection of both changes nothing. */
  kl(other: SquashedGaussian): Tensor {
    return this.base.kl(other.base);
  }
}
