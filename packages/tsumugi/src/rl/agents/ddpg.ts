// Deep deterministic policy gradients (Lillicrap et al. 2016, arXiv 1509.02971).
//
//   critic   y = r + D (1 − d) Q⁻(s', μ⁻(s'))     (Q(s, a) − y)², mean over the batch
//   actor    −Q(s, μ(s)), mean over the batch
//
//   μ the policy   Q the critic   μ⁻, Q⁻ their targets   D = γ to the power of the window's length   d whether the task ended
//
// ChainerRL's DDPG multiplies by γ whatever the length of the window; for windows of one step, which it uses, that is the same.
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import { noGrad, type Rng, type Tensor } from '../../torch/index.ts';

import type { Critic, DeterministicHead, Policy } from '../networks/index.ts';
import type { TensorBatch } from '../replay/index.ts';
import { ContinuousAgent, type ContinuousAgentOptions } from './continuous-agent.ts';
import { TargetNetwork } from './target-network.ts';

export interface DDPGOptions extends ContinuousAgentOptions {
  /** Makes the policy, whose actions lie in [−1, 1]; called once more for its target. */
  policy(rng: Rng): Policy<DeterministicHead>;
  /** Makes the critic; called once more for its target. */
  critic(rng: Rng): Critic;
  optimizer(network: Module): Optimizer;
}

export class DDPG extends ContinuousAgent {
  readonly policy: Policy<DeterministicHead>;
  readonly critic: Critic;
  readonly targetPolicy: TargetNetwork<Policy<DeterministicHead>>;
  readonly targetCritic: TargetNetwork<Critic>;
  readonly policyOptimizer: Optimizer;
  readonly criticOptimizer: Optimizer;

  constructor(options: DDPGOptions) {
    super(options);
    this.policy = options.policy(this.rng);
    this.critic = options.critic(this.rng);
    this.targetPolicy = new TargetNetwork(options.policy(this.rng), this.policy);
    this.targetCritic = new TargetNetwork(options.critic(this.rng), this.critic);
    this.policyOptimizer = options.optimizer(this.policy);
    this.criticOptimizer = options.optimizer(this.critic);
  }

  protected override actions(observations: Tensor): Tensor {
    return this.policy.forward(observations).mode();
  }

  criticLoss({ observation, action, reward, next, bootstrap }: TensorBatch): { loss: Tensor; q: Tensor } {
    const y = noGrad(() => {
      const nextAction = this.targetPolicy.network.forward(next).mode();
      return reward.addcmul(bootstrap, this.targetCritic.network.forward(next, nextAction));
    });
    const q = this.critic.forward(observation, action);
    return { loss: q.sub(y).square().mean(), q };
  }

  policyLoss({ observation }: TensorBatch): Tensor {
    return this.critic.forward(observation, this.policy.forward(observation).mode()).mean().neg();
  }

  protected override update(batch: TensorBatch): void {
    const { loss, q } = this.criticLoss(batch);
    this.note(loss, q);
    this.step(this.criticOptimizer, this.critic.parameters(), loss);
    this.step(this.policyOptimizer, this.policy.parameters(), this.policyLoss(batch));
  }

  protected override updateTargets(): void {
    this.targetPolicy.follow(this.softUpdate);
    this.targetCritic.follow(this.softUpdate);
  }

  protected override parts() {
    return {
      modules: {
        policy: this.policy,
        critic: this.critic,
        'target-policy': this.targetPolicy.network,
        'target-critic': this.targetCritic.network,
      },
      optimizers: { 'policy-optimizer': this.policyOptimizer, 'critic-optimizer': this.criticOptimizer },
    };
  }
}
