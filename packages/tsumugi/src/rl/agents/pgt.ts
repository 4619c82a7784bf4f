// Policy gradients with a target network (ChainerRL's PGT): a stochastic policy and a learned Q, from replay.
//
//   critic   y = r + D (1 − d) Q⁻(s', a'), a' drawn from π⁻(s')     (Q(s, a) − y)², mean over the batch
//   policy   −[A log π(ã|s) + β H],  A = Q(s, ã) − Q(s, mode of π(s)) as a constant, mean over the batch
//            ã drawn from π(s) as it is now: replay's action is of a policy that is no more
//
//   π⁻, Q⁻ the targets   D = γ to the power of the window's length   d whether the task ended
//
// Actions lie in [−1, 1] (action-scale.ts): what a normal distribution draws beyond is its edge, also in replay.
import { checkNumber } from '../../base/index.ts';
import { noGrad, type Rng, type Tensor } from '../../torch/index.ts';
import type { Distribution } from '../distributions/index.ts';
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

  override policyLoss({ observation }: TensorBatch): Tensor {
    return this.lossOfActions(observation, (policy) => policy.sample(this.rng).detach());
  }

  /** @param draw ã of the present policy [B, A], which may lie beyond the box */
  lossOfActions(observation: Tensor, draw: (policy: Distribution) => Tensor): Tensor {
    const policy = this.policy.forward(observation);
    const drawn = draw(policy);
    const advantages = noGrad(() => {
      const likeliest = this.critic.forward(observation, policy.mode().clamp(-1, 1));
      return this.critic.forward(observation, drawn.clamp(-1, 1)).sub(likeliest);
    });
    const score = advantages.mul(policy.logProbability(drawn)).mean();
    return score.add(policy.entropy().mean().mul(this.entropyCoefficient)).neg();
  }
}
