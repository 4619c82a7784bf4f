// Twin delayed deep deterministic policy gradients (Fujimoto et al. 2018, arXiv 1802.09477).
//
//   critics   ã = clip(μ⁻(s') + clip(N(0, σ²), ±c), ±1)     y = r + D (1 − d) min(Q⁻₁(s', ã), Q⁻₂(s', ã))
//             (Q₁(s, a) − y)² + (Q₂(s, a) − y)², each the mean over the batch
//   policy    −Q₁(s, μ(s)), mean over the batch, and all targets follow: after every second update of the critics
//
//   μ the policy   Q₁, Q₂ the critics   ⁻ their targets   D = γ to the power of the window's length   d whether the task ended
import { checkNumber } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import { mseLoss, noGrad, type Rng, randn, type Tensor } from '../../torch/index.ts';
import type { DeterministicHead, Policy, TwinCritics } from '../networks/index.ts';
import type { TensorBatch } from '../replay/index.ts';
import { ContinuousAgent, type ContinuousAgentOptions } from './continuous-agent.ts';
import { TargetNetwork } from './target-network.ts';

export interface TD3Options extends ContinuousAgentOptions {
  /** Makes the policy, whose actions lie in [−1, 1]; called once more for its target. */
  policy(rng: Rng): Policy<DeterministicHead>;
  critics(rng: Rng): TwinCritics;
  optimizer(network: Module): Optimizer;
  /** Standard deviation of the noise on the targets' actions (σ). */
  targetNoise: number;
  /** What it is clipped to (c). */
  targetNoiseClip: number;
  /** Updates of the critics between those of the policy and of the targets. */
  policyInterval: number;
}

export class TD3 extends ContinuousAgent {
  readonly options: TD3Options;
  readonly policy: Policy<DeterministicHead>;
  readonly critics: TwinCritics;
  readonly targetPolicy: TargetNetwork<Policy<DeterministicHead>>;
  readonly targetCritics: TargetNetwork<TwinCritics>;
  readonly policyOptimizer: Optimizer;
  readonly criticOptimizer: Optimizer;

  constructor(options: TD3Options) {
    super(options);
    const { targetNoise, targetNoiseClip, policyInterval } = options;
    checkNumber('TD3', 'targetNoise', targetNoise, { min: 0 });
    checkNumber('TD3', 'targetNoiseClip', targetNoiseClip, { min: 0 });
    checkNumber('TD3', 'policyInterval', policyInterval, { min: 1, whole: true });
    this.options = options;
    this.policy = options.policy(this.rng);
    this.critics = options.critics(this.rng);
    this.targetPolicy = new TargetNetwork(options.policy(this.rng), this.policy);
    this.targetCritics = new TargetNetwork(options.critics(this.rng), this.critics);
    this.policyOptimizer = options.optimizer(this.policy);
    this.criticOptimizer = options.optimizer(this.critics);
  }

  protected override actions(observations: Tensor): Tensor {
    return this.policy.forward(observations).mode();
  }

  /** ã [B, A]: the target policy's actions, smoothed. */
  targetActions(next: Tensor): Tensor {
    const { targetNoise, targetNoiseClip: clip } = this.options;
    const action = this.targetPolicy.network.forward(next).mode();
    const noise = randn(action.shape, this.rng).mul(targetNoise).clamp(-clip, clip);
    return action.add(noise).clamp(-1, 1);
  }

  criticLoss({ observation, action, reward, next, bootstrap }: TensorBatch): { loss: Tensor; q: Tensor } {
    const y = noGrad(() => reward.addcmul(bootstrap, this.targetCritics.network.min(next, this.targetActions(next))));
    const [q1, q2] = this.critics.forward(observation, action);
    return { loss: mseLoss(q1, y).add(mseLoss(q2, y)), q: q1 };
  }

  policyLoss({ observation }: TensorBatch): Tensor {
    return this.critics.first.forward(observation, this.policy.forward(observation).mode()).mean().neg();
  }

  protected override update(batch: TensorBatch): void {
    const { loss, q } = this.criticLoss(batch);
    this.note(loss, q);
    this.step(this.criticOptimizer, this.critics.parameters(), loss);
    if ((this.updates + 1) % this.options.policyInterval !== 0) return;
    this.step(this.policyOptimizer, this.policy.parameters(), this.policyLoss(batch));
    this.targetPolicy.follow(this.softUpdate);
    this.targetCritics.follow(this.softUpdate);
  }

  protected override parts() {
    return {
      modules: {
        policy: this.policy,
        critics: this.critics,
        'target-policy': this.targetPolicy.network,
        'target-critics': this.targetCritics.network,
      },
      optimizers: { 'policy-optimizer': this.policyOptimizer, 'critic-optimizer': this.criticOptimizer },
    };
  }
}
