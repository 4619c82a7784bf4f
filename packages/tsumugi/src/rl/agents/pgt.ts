// Policy gradients with a target network (ChainerRL's PGT): a stochastic policy and a learned Q, from replay.
//
//   critic   y = r + D (1 − d) Q⁻(s', a'), a' drawn from π⁻(s')     (Q(s, a) − y)², mean over the batch
//   policy   −[A log π(a|s) + β H],  A = Q(s, a) − Q(s, mode of π(s)) as a constant, mean over the batch
//
//   π⁻, Q⁻ the targets   D = γ to the power of the window's length   d whether the task ended
//
// Actions lie in [−1, 1] (action-scale.ts): what a normal distribution draws beyond is its edge, also in replay.
import { checkNumber } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import { noGrad, type Rng, type Tensor } from '../../torch/index.ts';
import type { Critic, Policy } from '../networks/index.ts';
import type { TensorBatch } from '../replay/index.ts';
import { ContinuousAgent, type ContinuousAgentOptions } from './continuous-agent.ts';
import { TargetNetwork } from './target-network.ts';

export interface PGTOptions extends ContinuousAgentOptions {
  /** Makes the policy; called once more for its target. */
  policy(rng: Rng): Policy;
  /** Makes the critic; called once more for its target. */
  critic(rng: Rng): Critic;
  optimizer(network: Module): Optimizer;
  /** Weight of the entropy (β). */
  entropyCoefficient: number;
}

export class PGT extends ContinuousAgent {
  readonly policy: Policy;
  readonly critic: Critic;
  readonly targetPolicy: TargetNetwork<Policy>;
  readonly targetCritic: TargetNetwork<Critic>;
  readonly policyOptimizer: Optimizer;
  readonly criticOptimizer: Optimizer;
  readonly entropyCoefficient: number;

  constructor(options: PGTOptions) {
    super(options);
    this.entropyCoefficient = checkNumber('PGT', 'entropyCoefficient', options.entropyCoefficient, { min: 0 });
    this.policy = options.policy(this.rng);
    this.critic = options.critic(this.rng);
    this.targetPolicy = new TargetNetwork(options.policy(this.rng), this.policy);
    this.targetCritic = new TargetNetwork(options.critic(this.rng), this.critic);
    this.policyOptimizer = options.optimizer(this.policy);
    this.criticOptimizer = options.optimizer(this.critic);
  }

  protected override actions(observations: Tensor, rng: Rng | undefined): Tensor {
    const policy = this.policy.forward(observations);
    return (rng ? policy.sample(rng) : policy.mode()).clamp(-1, 1);
  }

  criticLoss({ observation, action, reward, next, bootstrap }: TensorBatch): { loss: Tensor; q: Tensor } {
    const y = noGrad(() => {
      const nextAction = this.targetPolicy.network.forward(next).sample(this.rng).clamp(-1, 1);
      return reward.addcmul(bootstrap, this.targetCritic.network.forward(next, nextAction));
    });
    const q = this.critic.forward(observation, action);
    return { loss: q.sub(y).square().mean(), q };
  }

  policyLoss({ observation, action }: TensorBatch): Tensor {
    const policy = this.policy.forward(observation);
    const advantages = noGrad(() => {
      const likeliest = this.critic.forward(observation, policy.mode().clamp(-1, 1));
      return this.critic.forward(observation, action).sub(likeliest);
    });
    const score = advantages.mul(policy.logProbability(action)).mean();
    return score.add(policy.entropy().mean().mul(this.entropyCoefficient)).neg();
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
