// Proximal policy optimization, with the order of ChainerRL. An update, once a rollout is full:
//
//   1. log π_old, V and V(s') of every row, with the normalizer's statistics as they were when acting. V(s') is evaluated for what
//      no row has: the observation after the last step, and that of an episode that a time limit cut off
//   2. advantages by GAE (advantages.ts), standardized over the rollout: (A − mean) / (std + 1e-8); targets A + V
//   3. the normalizer takes the rollout in
//   4. epochs of minibatches with the new statistics, each a step down the loss of ppo-loss.ts
import { checkNumber, deriveSeed, RandomStream } from '../../base/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { fromBytes, noGrad, scope, type Tensor } from '../../torch/index.ts';
import type { AgentParts } from './agent-state.ts';
import { DecayingRate, lastShare } from './decay.ts';
import type { PolicyAgentOptions } from './policy-agent.ts';
import type { ActorCriticModel } from './policy-stepper.ts';
import { type PPOBatch, type PPOCoefficients, ppoLoss } from './ppo-loss.ts';
import { Recent } from './recent.ts';
import type { Rollout } from './rollout.ts';
import { type AdvantageSettings, type Advantages, advantagesOf } from './rollout-advantages.ts';
import { RolloutAgent } from './rollout-agent.ts';
import { rolloutBatches } from './rollout-batches.ts';
import { takeStep } from './take-step.ts';

export interface PPOOptions<M extends ActorCriticModel = ActorCriticModel>
  extends PolicyAgentOptions<M>,
    PPOCoefficients,
    AdvantageSettings {
  optimizer: Optimizer;
  /** Steps of all environments together between updates. */
  updateInterval: number;
  minibatchSize: number;
  epochs: number;
  /** Gradients are scaled down to this norm; null: they are not. */
  maxGradNorm: number | null;
  /** Steps over which the learning rate falls to 0 in a line; null: it stays. */
  learningRateDecay: number | null;
  /** Steps over which `clip` falls to 0 in a line; null: it stays. */
  clipDecay: number | null;
  /** Longest sequence that a recurrent policy learns from at a time; null: whole episodes of the rollout. */
  maxSequenceLength: number | null;
}

export class PPO<M extends ActorCriticModel = ActorCriticModel> extends RolloutAgent<M> {
  readonly options: PPOOptions<M>;
  readonly optimizer: Optimizer;
  readonly #order: RandomStream;
  readonly #rate: DecayingRate;
  readonly #values = new Recent(1000);
  readonly #entropies = new Recent(1000);
  readonly #policyLosses = new Recent(100);
  readonly #valueLosses = new Recent(100);
  #explainedVariance = Number.NaN;

  constructor(options: PPOOptions<M>) {
    checkNumber('PPO', 'updateInterval', options.updateInterval, { min: 1, whole: true });
    super(options, Math.ceil(options.updateInterval / (options.environments ?? 1)));
    checkNumber('PPO', 'minibatchSize', options.minibatchSize, { min: 1, whole: true });
    checkNumber('PPO', 'epochs', options.epochs, { min: 1, whole: true });
    checkNumber('PPO', 'clip', options.clip, { above: 0 });
    this.options = options;
    this.optimizer = options.optimizer;
    this.#rate = new DecayingRate(options.optimizer, options.learningRateDecay);
    this.#order = new RandomStream(deriveSeed(options.seed, 'minibatches'));
  }

  protected override update(rollout: Rollout): void {
    const { optimizer, options } = this;
    const { rows } = rollout;
    const raw = this.onDevice(rollout.observationTensor());
    const actions = this.onDevice(rollout.actionTensor());
    const { before, advantages } = noGrad(() => this.#before(raw, actions, rollout));
    this.normalizer?.experience(raw.to('float32'));
    const x = noGrad(() => this.normalized(raw));
    const column = (numbers: Float64Array) => this.onDevice(fromBytes(Float32Array.from(numbers), 'float32', [rows]));
    const all: PPOBatch = {
      actions,
      oldLogProbability: before.logProbability,
      oldValues: before.values,
      advantages: column(advantages.standardized),
      targets: column(advantages.targets),
    };
    // What hooks of the original set after the round of steps before this one.
    const taken = this.steps - this.environments;
    this.#rate.set(taken);
    const clip = options.clip * (options.clipDecay === null ? 1 : lastShare(taken, options.clipDecay));
    const coefficients = { ...options, clip };
    for (const { output, index } of rolloutBatches(this.model, x, rollout, options, this.#order))
      scope(() => {
        const rowsOf = (of: Tensor) => of.indexSelect(0, index);
        const batch = Object.fromEntries(
          Object.entries(all).map(([name, of]) => [name, rowsOf(of)]),
        ) as unknown as PPOBatch;
        const { loss, policyLoss, valueLoss, entropy } = ppoLoss(output(), batch, coefficients);
        takeStep(optimizer, loss, options.maxGradNorm);
        this.#entropies.add(entropy.item());
        this.#policyLosses.add(policyLoss.item());
        this.#valueLosses.add(valueLoss.item());
      });
  }

  /** What the policy and the value function said before the update. */
  #before(raw: Tensor, actions: Tensor, rollout: Rollout) {
    const { distribution, values } = this.evaluate(this.normalized(raw));
    const numbers = values.contiguous().data() as Float32Array;
    const advantages: Advantages = advantagesOf(rollout, numbers, this.nextValues(numbers), this.options);
    this.#explainedVariance = advantages.explainedVariance;
    for (const value of numbers) this.#values.add(value);
    return { before: { logProbability: distribution.logProbability(actions), values }, advantages };
  }

  statistics(): Record<string, number> {
    return {
      average_value: this.#values.mean,
      average_entropy: this.#entropies.mean,
      average_policy_loss: this.#policyLosses.mean,
      average_value_loss: this.#valueLosses.mean,
      updates: this.updates,
      explained_variance: this.#explainedVariance,
    };
  }

  protected override parts(): AgentParts {
    return { modules: {}, optimizers: { optimizer: this.optimizer }, streams: { minibatches: this.#order } };
  }

  protected override figures(): State {
    const all = [this.#values, this.#entropies, this.#policyLosses, this.#valueLosses];
    return [this.#explainedVariance, ...all.map(({ values }) => values)];
  }

  protected override loadFigures(figures: State): void {
    const [explained, ...all] = figures as [number, ...number[][]];
    this.#explainedVariance = explained;
    [this.#values, this.#entropies, this.#policyLosses, this.#valueLosses].forEach((recent, i) => {
      recent.values = all[i]!;
    });
  }
}
