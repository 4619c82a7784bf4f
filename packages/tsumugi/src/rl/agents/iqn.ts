// Implicit quantile networks (Dabney et al. 2018, arXiv 1806.06923): the network gives the quantiles Z_τ of the return.
//
//   y = Z_τ(s, a) at N quantiles τ ~ U(0, 1)     t = r + D (1 − d) Z⁻_τ'(s', a*) at N' of them
//   a* = argmaxₐ mean over K quantiles of the target network (of the network in the double form)
//   loss = Σ_τ mean_τ' |τ − I| Huber(y − t),     I = 1 if t > y, else 0
//
//   Z⁻ the target network's   r, D and d as in dqn.ts
//
// With this sign, which is ChainerRL's, τ stands for 1 − τ of the paper: τ = 0 is the upper end of the return. As τ is uniform
// nothing else changes.
import { checkNumber } from '../../base/index.ts';
import { linspace, noGrad, type Rng, rand, smoothL1Loss, type Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import type { QuantileFunction } from '../networks/index.ts';
import { type BatchLoss, QAgent, type QAgentOptions } from './q-agent.ts';
import type { Samples } from './samples.ts';
import { accumulated } from './value-loss.ts';

export interface IQNOptions extends QAgentOptions<QuantileFunction> {
  /** Quantiles of the prediction (N). */
  quantiles: number;
  /** Quantiles of the target (N'). */
  targetQuantiles: number;
  /** Quantiles whose mean an action is chosen by (K). */
  actingQuantiles: number;
}

/**
 * Σ over N of the mean over N' of |τ − I| Huber(y − t), for each of the batch.
 *
 * @param y [B, N]
 * @param t [B, N']
 * @param taus of y [B, N]
 */
export function quantileLoss(y: Tensor, t: Tensor, taus: Tensor): Tensor {
  const shape = [y.size(0), y.size(1), t.size(1)];
  const [left, right] = [y.unsqueeze(2).expand(shape), t.unsqueeze(1).expand(shape)];
  const isBelow = right.detach().gt(left.detach()).to('float32');
  const slope = taus.unsqueeze(2).sub(isBelow).abs();
  return slope
    .mul(smoothL1Loss(left, right, 0, 1))
    .mean(2)
    .sum(1);
}

export class IQN extends QAgent<QuantileFunction> {
  readonly options: IQNOptions;

  constructor(options: IQNOptions) {
    super(options);
    const { quantiles, targetQuantiles, actingQuantiles } = options;
    for (const [name, count] of Object.entries({ quantiles, targetQuantiles, actingQuantiles }))
      checkNumber(new.target.name, name, count, { min: 1, whole: true });
    this.options = options;
  }

  /** Uniform quantiles [B, count]. */
  protected taus(values: QuantileFunction, count: number, rng: Rng = this.rng): Tensor {
    return rand([values.batch, count], rng);
  }

  protected override valuesOf(output: QuantileFunction, rng: Rng, deterministic: boolean): ActionValues {
    const { actingQuantiles } = this.options;
    if (!deterministic) return output.at(this.taus(output, actingQuantiles, rng));
    const even = linspace(0, 1, actingQuantiles, { device: output.features.device });
    return output.at(even.unsqueeze(0).expand([output.batch, actingQuantiles]));
  }

  /** Of whom the best action is asked. */
  protected chooser({ next }: Samples<QuantileFunction>): QuantileFunction {
    return next(this.target.network);
  }

  /** t [B, N'], without gradient. */
  protected targets(samples: Samples<QuantileFunction>): Tensor {
    const { reward, bootstrap, next } = samples;
    const { actingQuantiles, targetQuantiles } = this.options;
    const chooser = this.chooser(samples);
    const best = chooser.at(this.taus(chooser, actingQuantiles)).greedyActions();
    const following = next(this.target.network);
    const z = following.at(this.taus(following, targetQuantiles)).quantilesOf(best);
    return reward.unsqueeze(1).addcmul(bootstrap.unsqueeze(1), z);
  }

  protected override losses(samples: Samples<QuantileFunction>): BatchLoss {
    const values = samples.now(this.network);
    const taus = this.taus(values, this.options.quantiles);
    const y = values.at(taus).quantilesOf(samples.action);
    const t = noGrad(() => this.targets(samples));
    const each = quantileLoss(y, t, taus);
    return { loss: accumulated(each, samples.weight, this.options.accumulator), errors: () => each.detach() };
  }
}

export class DoubleIQN extends IQN {
  protected override chooser({ next }: Samples<QuantileFunction>): QuantileFunction {
    return next(this.network);
  }
}
