// Deep deterministic policy gradients (Lillicrap et al. 2016, arXiv 1509.02971).
//
//   critic   y = r + D (1 − d) Q⁻(s', μ⁻(s'))     (Q(s, a) − y)², mean over the batch
//   actor    −Q(s, μ(s)), mean over the batch
//
//   μ the policy   Q the critic   μ⁻, Q⁻ their targets   D = γ to the power of the window's length   d whether the task ended
//
// ChainerRL's DDPG multiplies by γ whatever the length of the window; for windows of one step, which it uses, that is the same.
import type { Tensor } from '../../torch/index.ts';
import type { DeterministicHead, Policy } from '../networks/index.ts';
import type { TensorBatch } from '../replay/index.ts';
import { PolicyCriticAgent, type PolicyCriticOptions } from './policy-critic-agent.ts';

export type DDPGOptions = PolicyCriticOptions<Policy<DeterministicHead>>;

export class DDPG extends PolicyCriticAgent<Policy<DeterministicHead>> {
  protected override actions(observations: Tensor): Tensor {
    return this.policy.forward(observations).mode();
  }

  protected override nextActions(next: Tensor): Tensor {
    return this.targetPolicy.network.forward(next).mode();
  }

  override policyLoss({ observation }: TensorBatch): Tensor {
    return this.critic.forward(observation, this.policy.forward(observation).mode()).mean().neg();
  }
}
