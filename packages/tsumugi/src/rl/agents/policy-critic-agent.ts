// An agent with a policy, a critic and a target of each, all of which follow by τ at every step: DDPG and PGT differ in their losses.
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import { mseLoss, noGrad, type Rng, type Tensor } from '../../torch/index.ts';
import type { Critic, Policy } from '../networks/index.ts';
import type { TensorBatch } from '../replay/index.ts';
import { ContinuousAgent, type ContinuousAgentOptions } from './continuous-agent.ts';
import { TargetNetwork } from './target-network.ts';

export interface PolicyCriticOptions<P extends Policy> extends ContinuousAgentOptions {
  /** Makes the policy, whose actions lie in [−1, 1]; called once more for its target. */
  policy(rng: Rng): P;
  /** Makes the critic; called once more for its target. */
  critic(rng: Rng): Critic;
  optimizer(network: Module): Optimizer;
}

export abstract class PolicyCriticAgent<P extends Policy> extends ContinuousAgent {
  readonly policy: P;
  readonly critic: Critic;
  readonly targetPolicy: TargetNetwork<P>;
  readonly targetCritic: TargetNetwork<Critic>;
  readonly policyOptimizer: Optimizer;
  readonly criticOptimizer: Optimizer;

  constructor(options: PolicyCriticOptions<P>) {
    super(options);
    this.policy = options.policy(this.rng);
    this.critic = options.critic(this.rng);
    this.targetPolicy = new TargetNetwork(options.policy(this.rng), this.policy);
    this.targetCritic = new TargetNetwork(options.critic(this.rng), this.critic);
    this.policyOptimizer = options.optimizer(this.policy);
    this.criticOptimizer = options.optimizer(this.critic);
  }

  /** The target policy's actions [B, A], by which the critic's targets are made. */
  protected abstract nextActions(next: Tensor): Tensor;
  abstract policyLoss(batch: TensorBatch): Tensor;

  /** (Q(s, a) − y)², mean over the batch, with y = r + D (1 − d) Q⁻(s', a'). */
  criticLoss({ observation, action, reward, next, bootstrap }: TensorBatch): { loss: Tensor; q: Tensor } {
    const y = noGrad(() => reward.addcmul(bootstrap, this.targetCritic.network.forward(next, this.nextActions(next))));
    const q = this.critic.forward(observation, action);
    return { loss: mseLoss(q, y), q };
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
