// A normal distribution whose dimensions are independent of each other.
import { type Rng, randn, type Tensor } from '../../torch/index.ts';
import type { Distribution } from './distribution.ts';
import { gaussianLogProbability } from './gaussian-log-probability.ts';

const LOG_TWO_PI = Math.log(2 * Math.PI);

export class Gaussian implements Distribution {
  readonly kind = 'continuous';
  /** [..., A] */
  readonly mean: Tensor;
  /** [..., A], above 0 */
  readonly variance: Tensor;

  constructor(mean: Tensor, variance: Tensor) {
    this.mean = mean;
    this.variance = variance;
  }

  get parameters(): readonly Tensor[] {
    return [this.mean, this.variance];
  }

  withParameters([mean, variance]: readonly Tensor[]): Gaussian {
    return new Gaussian(mean!, variance!);
  }

  /** μ + σ ε with ε ~ N(0, I). */
  sample(rng: Rng): Tensor {
    return this.mean.add(this.variance.sqrt().mul(randn(this.mean.shape, rng, { dtype: this.mean.dtype })));
  }

  mode(): Tensor {
    return this.mean;
  }

  /** −½ Σ (log 2π + log σ² + (a − μ)²/σ²) */
  logProbability(actions: Tensor): Tensor {
    return gaussianLogProbability(actions, this.mean, this.variance);
  }

  /** ½ Σ (1 + log 2π + log σ²) */
  entropy(): Tensor {
    return this.variance
      .log()
      .add(1 + LOG_TWO_PI)
      .sum(-1)
      .mul(0.5);
  }

  /** ½ Σ (log σ'² − log σ² + (σ² + (μ − μ')²)/σ'² − 1) */
  kl(other: Gaussian): Tensor {
    const distance = this.variance.add(this.mean.sub(other.mean).square()).div(other.variance);
    return other.variance.log().sub(this.variance.log()).add(distance).sub(1).sum(-1).mul(0.5);
  }
}
