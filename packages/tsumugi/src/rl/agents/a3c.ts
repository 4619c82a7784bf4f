// Advantage actor-critic by segments (A3C, Mnih et al. 2016, arXiv 1602.01783). After t_max steps of an environment, or at the
// end of its episode, with R from V of what follows, backwards:
//
//   R ← γ R + r,   A = R − V(s):   L = c_π Σ (−A log π(a) − β H) + c_V Σ ½ (R − V(s))²
//
// Sums, not means: a longer segment weighs more, unless the loss is brought to one scale. This is what one worker does; several
// environments of one agent are like workers that take turns.
import { ConfigError, checkNumber } from '../../base/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { fromBytes, noGrad, type Tensor } from '../../torch/index.ts';
import type { PolicyValues } from '../networks/index.ts';
import type { AgentParts } from './agent-state.ts';
import { DecayingRate } from './decay.ts';
import type { PolicyAgentOptions } from './policy-agent.ts';
import type { ActorCriticModel } from './policy-stepper.ts';
import { RunningAverage } from './running-average.ts';
import type { Segment } from './segment.ts';
import { evaluateSegment, SegmentAgent, valueAfter } from './segment-agent.ts';
import { takeStep } from './take-step.ts';

export interface A3CCoefficients {
  /** c_π */
  policyCoefficient: number;
  /** c_V */
  valueCoefficient: number;
  /** β */
  entropyCoefficient: number;
}

export interface A3COptions<M extends ActorCriticModel = ActorCriticModel>
  extends PolicyAgentOptions<M>,
    A3CCoefficients {
  optimizer: Optimizer;
  /** Longest segment (t_max). */
  maxSteps: number;
  gamma: number;
  /** Sums are multiplied by t_max / length ('segment'), divided by the length ('mean'), or stay ('sum'). */
  scale: 'sum' | 'segment' | 'mean';
  /** Rewards count less the average one, which follows the advantages by this share; null: they count as they are. */
  averageRewardTau: number | null;
  maxGradNorm: number | null;
  /** Steps over which the learning rate falls to 0; it stays when left out. */
  learningRateDecay?: number | null | undefined;
}

/** R of every step, backwards from the value after the last one. `averageReward` is taken off, and follows. */
export function segmentReturns(
  rewards: readonly number[],
  values: ArrayLike<number>,
  after: number,
  gamma: number,
  average: { reward: number; tau: number | null },
): Float32Array {
  const returns = new Float32Array(rewards.length);
  let sum = after;
  for (let t = rewards.length - 1; t >= 0; t--) {
    sum = gamma * sum + rewards[t]! - (average.tau === null ? 0 : average.reward);
    returns[t] = sum;
    if (average.tau !== null) average.reward += average.tau * (sum - values[t]!);
  }
  return returns;
}

/** @param returns R [L] @param factor of both sums */
export function a3cLoss(
  { distribution, values }: PolicyValues,
  actions: Tensor,
  returns: Tensor,
  { policyCoefficient, valueCoefficient, entropyCoefficient }: A3CCoefficients,
  factor = 1,
): Tensor {
  const advantages = returns.sub(values);
  const score = advantages.detach().mul(distribution.logProbability(actions)).sum();
  const policyLoss = score.add(distribution.entropy().sum().mul(entropyCoefficient)).neg();
  const valueLoss = advantages.square().sum().mul(0.5);
  return policyLoss.mul(policyCoefficient * factor).add(valueLoss.mul(valueCoefficient * factor));
}

export class A3C<M extends ActorCriticModel = ActorCriticModel> extends SegmentAgent<M> {
  readonly options: A3COptions<M>;
  readonly optimizer: Optimizer;
  readonly #average: { reward: number; tau: number | null };
  readonly #rate: DecayingRate;
  readonly #entropy = new RunningAverage(0.999);
  readonly #value = new RunningAverage(0.999);

  constructor(options: A3COptions<M>) {
    super(options);
    checkNumber('A3C', 'maxSteps', options.maxSteps, { min: 1, whole: true });
    checkNumber('A3C', 'gamma', options.gamma, { min: 0, max: 1 });
    if (options.averageRewardTau !== null)
      checkNumber('A3C', 'averageRewardTau', options.averageRewardTau, { above: 0, max: 1 });
    if (!['sum', 'segment', 'mean'].includes(options.scale))
      throw new ConfigError('bad-option', `A3C: scale must be sum, segment or mean, got "${options.scale}"`);
    this.options = options;
    this.optimizer = options.optimizer;
    this.#average = { reward: 0, tau: options.averageRewardTau };
    this.#rate = new DecayingRate(options.optimizer, options.learningRateDecay);
  }

  protected override advanced(segment: Segment): boolean {
    const isDone = segment.hasEnded || segment.length === this.options.maxSteps;
    if (isDone) this.#update(segment);
    return isDone;
  }

  #update(segment: Segment): void {
    const { options } = this;
    const raw = this.onDevice(segment.observationTensor());
    const output = evaluateSegment(this.model, segment, this.normalized(raw));
    const after = noGrad(() => valueAfter(this.model, segment, (x) => this.normalized(x))?.item() ?? 0);
    const values = output.values.detach().contiguous().data() as Float32Array;
    const returns = segmentReturns(segment.rewards, values, after, options.gamma, this.#average);
    const factor = { sum: 1, segment: options.maxSteps / segment.length, mean: 1 / segment.length }[options.scale];
    const targets = this.onDevice(fromBytes(returns, 'float32', [segment.length]));
    this.#rate.set(this.steps - this.environments);
    takeStep(
      this.optimizer,
      a3cLoss(output, this.onDevice(segment.actionTensor()), targets, options, factor),
      options.maxGradNorm,
    );
    this.normalizer?.experience(raw.to('float32'));
    this.#entropy.add(output.distribution.entropy().mean().item());
    this.#value.add(output.values.mean().item());
    this.updates++;
  }

  statistics(): Record<string, number> {
    return { average_value: this.#value.value, average_entropy: this.#entropy.value, updates: this.updates };
  }

  protected override parts(): AgentParts {
    return { modules: {}, optimizers: { optimizer: this.optimizer }, streams: {} };
  }

  protected override further() {
    return { segments: {}, figures: [this.#average.reward, this.#entropy.value, this.#value.value] };
  }

  protected override loadFurther(_segments: (name: string) => Segment[], figures: State): void {
    [this.#average.reward, this.#entropy.value, this.#value.value] = figures as [number, number, number];
  }
}
