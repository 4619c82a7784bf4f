// Policy gradients with a target network (ChainerRL's PGT): a stochastic policy and a learned Q, from replay.
//
//   critic   y = r + D (1 − d) Q⁻(s', a'), a' drawn from π⁻(s')     (Q(s, a) − y)², mean over the batch
//   policy   −[A log π(a|s) + β H],  A = Q(s, a) − Q(s, mode of π(s)) as a constant, mean over the batch
//
//   π⁻, Q⁻ the targets   D = γ to the power of the window's length   d whether the task ended
//
// Actions lie in [−1, 1] (action-scale.ts): what a normal distribution draws beyond is its edge, also in replay.
import { checkNumber } from '../../base/index.ts';
import { noGrad, type Rng, type Tensor } from '../../torch/index.ts';
import type { Policy } from '../networks/index.ts';
import type { TensorBatch } from '../replay/index.ts';
import { PolicyCriticAgent, type PolicyCriticOptions } from './policy-critic-agent.ts';

export interface PGTOptions extends PolicyCriticOptions<Policy> {
  /** Weight of the entropy (β). */
  entropyCoefficient: number;
}

export class PGT extends PolicyCriticAgent<Policy> {
  readonly entropyCoefficient: number;

  constructor(options: PGTOptions) {
    super(options);
    this.entropyCoefficient = checkNumber('PGT', 'entropyCoefficient', options.entropyCoefficient, { min: 0 });
  }

  protected override actions(observations: Tensor, rng: Rng | undefined): Tensor {
    const policy = this.policy.forward(observations);
    return (rng ? policy.sample(rng) : policy.mode()).clamp(-1, 1);
  }

  protected override nextActions(next: Tensor): Tensor {
    return this.targetPolicy.network.forward(next).sample(this.rng).clamp(-1, 1);
  }

  override policyLoss({ observation, action }: TensorBatch): Tensor {
    const policy = this.policy.forward(observation);
    const advantages = noGrad(() => {
      const likeliest = this.critic.forward(observation, policy.mode().clamp(-1, 1));
      return this.critic.forward(observation, action).sub(likeliest);
    });
    const score = advantages.mul(policy.logProbability(action)).mean();
    return score.add(policy.entropy().mean().mul(this.entropyCoefficient)).neg();
  }
}
