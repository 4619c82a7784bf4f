// Observations brought to mean 0 and variance 1 by what was seen so far.
import { checkNumber, checkOptions, type OptionNames } from '../../base/index.ts';
import { buffer, Module } from '../../nn/index.ts';
import { type Device, noGrad, ones, scope, type Tensor, zeros } from '../../torch/index.ts';

export interface EmpiricalNormalizationOptions {
  /** Added to the variance, in the root; 1e-2 when left out. */
  eps?: number;
  /** What comes out is clamped to ±clip; not when left out. */
  clip?: number | undefined;
  /** Observations after which the statistics stay; never when left out. */
  until?: number | undefined;
  device?: Device;
}

const optionNames: OptionNames<EmpiricalNormalizationOptions> = { eps: true, clip: true, until: true, device: true };

/**
 * (x − mean) / √(variance + eps), with mean and variance of all observations of `experience`. A batch of n is merged into the
 * N − n before it (Chan et al. 1979):
 *
 *   mean ← mean + n/N · δ,   variance ← variance + n/N · (variance of the batch − variance + δ · (mean of the batch − new mean))
 *
 * with δ = mean of the batch − old mean.
 */
export class EmpiricalNormalization extends Module {
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** Observations so far: int64, saved with the rest. */
  readonly count: Tensor;
  readonly eps: number;
  readonly clip: number | undefined;
  readonly until: number;

  /** @param shape of an observation */
  constructor(shape: readonly number[], options: EmpiricalNormalizationOptions = {}) {
    super();
    checkOptions('EmpiricalNormalization', options, optionNames);
    const { eps = 1e-2, clip, until = Infinity, device = 'cpu' } = options;
    this.eps = checkNumber('EmpiricalNormalization', 'eps', eps, { above: 0 });
    this.clip = clip === undefined ? undefined : checkNumber('EmpiricalNormalization', 'clip', clip, { above: 0 });
    this.until = checkNumber('EmpiricalNormalization', 'until', until, { min: 1, infinite: true });
    this.mean = buffer(zeros(shape, { device }));
    this.variance = buffer(ones(shape, { device }));
    this.count = buffer(zeros([], { dtype: 'int64', device }));
  }

  /** Merges a batch [n, …shape] in, unless there were enough. */
  experience(x: Tensor): void {
    const before = this.count.item();
    const rows = x.shape[0]!;
    if (before >= this.until || rows === 0) return;
    noGrad(() =>
      scope(() => {
        const rate = rows / (before + rows);
        const mean = x.mean(0);
        const delta = mean.sub(this.mean);
        this.mean.add_(delta, { alpha: rate });
        const spread = x
          .sub(mean)
          .square()
          .mean(0)
          .sub(this.variance)
          .add(delta.mul(mean.sub(this.mean)));
        this.variance.add_(spread, { alpha: rate });
        this.count.fill_(before + rows);
      }),
    );
  }

  /** x [B, …shape], normalized; the statistics stay. */
  forward(x: Tensor): Tensor {
    const normalized = x.sub(this.mean).mul(this.variance.add(this.eps).rsqrt());
    return this.clip === undefined ? normalized : normalized.clamp(-this.clip, this.clip);
  }
}
