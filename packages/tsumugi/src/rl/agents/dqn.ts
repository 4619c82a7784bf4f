// Deep Q-networks (Mnih et al. 2015):
//
//   y = Q(s, a)     t = r + D (1 − d) maxₐ' Q⁻(s', a')     loss: Huber(y − t), or ½ (y − t)², over the batch
//
//   Q⁻ the target network   r the window's reward Σ γⁱ rᵢ   D = γ to the power of its length   d whether the task ended
//
// Most of its family changes only t.
import { noGrad, type Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import { type BatchLoss, QAgent, type QAgentOptions } from './q-agent.ts';
import type { Samples } from './samples.ts';
import { valueLoss } from './value-loss.ts';

export interface DQNOptions extends QAgentOptions<ActionValues> {
  /** Huber's loss with δ = 1 instead of half the square: gradients are clipped at ±1. */
  clipDelta: boolean;
}

export class DQN extends QAgent<ActionValues> {
  readonly options: DQNOptions;

  constructor(options: DQNOptions) {
    super(options);
    this.options = options;
  }

  protected override valuesOf(output: ActionValues): ActionValues {
    return output;
  }

  /** t [N], without gradient. */
  protected targets({ reward, bootstrap, next }: Samples<ActionValues>): Tensor {
    return reward.addcmul(bootstrap, next(this.target.network).max());
  }

  protected override losses(samples: Samples<ActionValues>): BatchLoss {
    const y = samples.now(this.network).evaluateActions(samples.action);
    const t = noGrad(() => this.targets(samples));
    return { loss: valueLoss(y, t, samples.weight, this.options), errors: () => y.detach().sub(t).abs() };
  }
}
