// Soft actor-critic with a learned temperature (Haarnoja et al. 2018, arXiv 1812.05905).
//
//   critics       y = r + D (1 − d) (min(Q⁻₁(s', a'), Q⁻₂(s', a')) − T log π(a'|s')),  a' ~ π(s')
//                 ½ (Q₁(s, a) − y)² + ½ (Q₂(s, a) − y)², each the mean over the batch
//   policy        T log π(a|s) − min(Q₁(s, a), Q₂(s, a)),  a ~ π(s), mean over the batch
//   temperature   −T (log π(a|s) + H̄), mean over the batch; T = exp of what is learned
//
//   π the policy, a normal distribution squashed into (−1, 1)   Q₁, Q₂ the critics   ⁻ their targets   T the temperature
//   H̄ the entropy that is aimed at   D = γ to the power of the window's length   d whether the task ended
//
// In this order at each update; then the targets follow by τ.
import { Module, parameter } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import { type Device, full, mseLoss, noGrad, type Rng, scope, type Tensor } from '../../torch/index.ts';
import type { Policy, SquashedGaussianHead, TwinCritics } from '../networks/index.ts';
import type { TensorBatch } from '../replay/index.ts';
import { ContinuousAgent, type ContinuousAgentOptions } from './continuous-agent.ts';
import { TargetNetwork } from './target-network.ts';

/** T = exp(log T). */
export class Temperature extends Module {
  readonly log: Tensor;

  constructor(initial: number, device: Device = 'cpu') {
    super();
    this.log = parameter(full([], Math.log(initial), { dtype: 'float32', device }));
  }

  forward(): Tensor {
    return this.log.exp();
  }
}

export interface SACOptions extends ContinuousAgentOptions {
  policy(rng: Rng): Policy<SquashedGaussianHead>;
  critics(rng: Rng): TwinCritics;
  optimizer(network: Module): Optimizer;
  /** T at first; it stays so without a target. */
  initialTemperature: number;
  /** H̄, by which the temperature is learned: −A for actions of A numbers in the paper. null: T stays as it is. */
  targetEntropy: number | null;
}

export class SAC extends ContinuousAgent {
  readonly policy: Policy<SquashedGaussianHead>;
  readonly critics: TwinCritics;
  readonly targetCritics: TargetNetwork<TwinCritics>;
  readonly temperature: Temperature;
  readonly targetEntropy: number | null;
  readonly policyOptimizer: Optimizer;
  readonly criticOptimizer: Optimizer;
  readonly temperatureOptimizer: Optimizer;
  #entropy = Number.NaN;

  constructor(options: SACOptions) {
    super(options);
    this.policy = options.policy(this.rng);
    this.critics = options.critics(this.rng);
    this.targetCritics = new TargetNetwork(options.critics(this.rng), this.critics);
    this.temperature = new Temperature(options.initialTemperature, this.device);
    this.targetEntropy = options.targetEntropy;
    this.policyOptimizer = options.optimizer(this.policy);
    this.criticOptimizer = options.optimizer(this.critics);
    this.temperatureOptimizer = options.optimizer(this.temperature);
  }

  protected override actions(observations: Tensor, rng: Rng | undefined): Tensor {
    const distribution = this.policy.forward(observations);
    return rng ? distribution.sample(rng) : distribution.mode();
  }

  criticLoss({ observation, action, reward, next, bootstrap }: TensorBatch): { loss: Tensor; q: Tensor } {
    const y = noGrad(() => {
      const drawn = this.policy.forward(next).sampleWithLogProbability(this.rng);
      const soft = this.targetCritics.network
        .min(next, drawn.actions)
        .sub(drawn.logProbability.mul(this.temperature.forward()));
      return reward.addcmul(bootstrap, soft);
    });
    const [q1, q2] = this.critics.forward(observation, action);
    return { loss: mseLoss(q1, y).add(mseLoss(q2, y)).mul(0.5), q: q1 };
  }

  policyLoss({ observation }: TensorBatch): { loss: Tensor; logProbability: Tensor } {
    const { actions, logProbability } = this.policy.forward(observation).sampleWithLogProbability(this.rng);
    const temperature = this.temperature.forward().detach();
    const loss = logProbability.mul(temperature).sub(this.critics.min(observation, actions)).mean();
    return { loss, logProbability: logProbability.detach() };
  }

  /** @param logProbability log π(a|s) [B] of drawn actions, without gradient */
  temperatureLoss(logProbability: Tensor, targetEntropy: number): Tensor {
    return this.temperature.forward().mul(logProbability.add(targetEntropy)).mean().neg();
  }

  protected override update(batch: TensorBatch): void {
    const { loss, q } = this.criticLoss(batch);
    this.note(loss, q);
    this.step(this.criticOptimizer, this.critics.parameters(), loss);
    const { loss: policyLoss, logProbability } = this.policyLoss(batch);
    this.step(this.policyOptimizer, this.policy.parameters(), policyLoss);
    if (this.targetEntropy !== null)
      this.step(
        this.temperatureOptimizer,
        this.temperature.parameters(),
        this.temperatureLoss(logProbability, this.targetEntropy),
      );
    this.#entropy = -logProbability.mean().item();
    this.targetCritics.follow(this.softUpdate);
  }

  override statistics(): Record<string, number> {
    return {
      ...super.statistics(),
      entropy: this.#entropy,
      temperature: noGrad(() => scope(() => this.temperature.forward().item() as number)),
    };
  }

  protected override ownState() {
    return { entropy: this.#entropy };
  }

  protected override loadOwnState(state: { entropy: number }): void {
    this.#entropy = state.entropy;
  }

  protected override parts() {
    return {
      modules: {
        policy: this.policy,
        critics: this.critics,
        'target-critics': this.targetCritics.network,
        temperature: this.temperature,
      },
      optimizers: {
        'policy-optimizer': this.policyOptimizer,
        'critic-optimizer': this.criticOptimizer,
        'temperature-optimizer': this.temperatureOptimizer,
      },
    };
  }
}
