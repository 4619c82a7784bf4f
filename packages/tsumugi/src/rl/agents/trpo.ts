// Trust region policy optimization (Schulman et al. 2015, arXiv 1502.05477), with ChainerRL's order. Of a full rollout:
//
//   1. log π_old, V, V(s'), advantages and targets as in PPO; the normalizer takes the rollout in
//   2. gain  G(θ) = mean ρ A + c_H mean H,  ρ = π_θ(a) / π_old(a);   g = ∇G
//   3. direction d: conjugate gradients on (F + damping · I) d = g, with F the Hessian of mean KL(π_old ‖ π_θ), through which backward
//      goes twice; step s = √(2 maxKl / (dᵀ(F + damping · I)d + 1e-8)) d
//   4. line search: θ + s, θ + s/2, θ + s/4, … until gain and KL are finite, the gain is not below the one before and KL ≤ maxKl;
//      otherwise the policy stays
//   5. the value function: epochs of minibatches down mean (V − R)²
import { ConfigError, checkNumber, deriveSeed, RandomStream } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { cat, fromBytes, grad, noGrad, scope, type Tensor } from '../../torch/index.ts';
import { type Distribution, detached } from '../distributions/index.ts';
import type { AgentParts } from './agent-state.ts';
import { conjugateGradient } from './conjugate-gradient.ts';
import type { PolicyAgentOptions } from './policy-agent.ts';
import type { ActorCriticModel } from './policy-stepper.ts';
import { Recent } from './recent.ts';
import type { Rollout } from './rollout.ts';
import { type AdvantageSettings, advantagesOf } from './rollout-advantages.ts';
import { RolloutAgent } from './rollout-agent.ts';
import { rolloutBatches } from './rollout-batches.ts';
import { takeStep } from './take-step.ts';

/** A model whose policy and value function have no parameters in common. */
export type SeparateActorCritic = ActorCriticModel & { readonly parts: { policy: Tensor[]; value: Tensor[] } };

export interface TRPOOptions<M extends SeparateActorCritic = SeparateActorCritic>
  extends PolicyAgentOptions<M>,
    AdvantageSettings {
  /** Of the value function's parameters alone. */
  valueOptimizer: Optimizer;
  /** Steps of all environments together between updates. */
  updateInterval: number;
  /** How far the policy may move: mean KL(π_old ‖ π). */
  maxKl: number;
  entropyCoefficient: number;
  valueEpochs: number;
  valueBatchSize: number;
  conjugateGradientIterations: number;
  damping: number;
  /** Halvings of the step that are tried. */
  maxBacktracks: number;
  maxSequenceLength: number | null;
}

const flat = (tensors: readonly (Tensor | undefined)[]) =>
  cat(
    tensors.map((each) => each!.reshape([-1])),
    0,
  );

/** Puts a vector [n] into parameters, one after the other. */
function assign(parameters: readonly Tensor[], vector: Tensor): void {
  noGrad(() =>
    scope(() => {
      const pieces = vector.splitWithSizes(parameters.map((each) => each.numel()));
      parameters.forEach((each, i) => {
        each.copy_(pieces[i]!.reshape(each.shape));
      });
    }),
  );
}

/** v → (F + damping · I) v for the mean KL divergence of a policy from itself as it was. */
export function fisherProduct(
  before: Distribution,
  now: Distribution,
  parameters: readonly Tensor[],
  damping: number,
): (v: Tensor) => Tensor {
  const slope = flat(grad([before.kl(now).mean()], parameters, { createGraph: true }));
  return (v) => {
    const curved = flat(grad([slope.dot(v)], parameters, { retainGraph: true }));
    return curved.add(v, { alpha: damping });
  };
}

export class TRPO<M extends SeparateActorCritic = SeparateActorCritic> extends RolloutAgent<M> {
  readonly options: TRPOOptions<M>;
  readonly valueOptimizer: Optimizer;
  readonly #order: RandomStream;
  readonly #values = new Recent(1000);
  readonly #entropies = new Recent(1000);
  readonly #kls = new Recent(100);
  readonly #stepSizes = new Recent(100);
  #explainedVariance = Number.NaN;

  constructor(options: TRPOOptions<M>) {
    checkNumber('TRPO', 'updateInterval', options.updateInterval, { min: 1, whole: true });
    super(options, Math.ceil(options.updateInterval / (options.environments ?? 1)));
    checkNumber('TRPO', 'maxKl', options.maxKl, { above: 0 });
    for (const name of ['valueEpochs', 'valueBatchSize', 'conjugateGradientIterations'] as const)
      checkNumber('TRPO', name, options[name], { min: 1, whole: true });
    checkNumber('TRPO', 'maxBacktracks', options.maxBacktracks, { min: 0, whole: true });
    checkNumber('TRPO', 'damping', options.damping, { min: 0 });
    const { policy, value } = options.model.parts;
    if (policy.some((each) => value.includes(each)) || value.length < 3)
      throw new ConfigError('bad-setting', 'TRPO: the value function needs a body of its own', {
        remedy: 'Set sharedBody=false, or give the model a valueBody.',
      });
    this.options = options;
    this.valueOptimizer = options.valueOptimizer;
    this.#order = new RandomStream(deriveSeed(options.seed, 'minibatches'));
  }

  protected override update(rollout: Rollout): void {
    const raw = this.onDevice(rollout.observationTensor());
    const actions = this.onDevice(rollout.actionTensor());
    const { advantages, targets, logProbability } = noGrad(() => this.#before(raw, actions, rollout));
    this.normalizer?.experience(raw.to('float32'));
    const x = noGrad(() => this.normalized(raw));
    scope(() => this.#updatePolicy(x, actions, advantages, logProbability));
    scope(() => this.#updateValues(x, targets, rollout));
  }

  /** What the policy and the value function said before the update. */
  #before(raw: Tensor, actions: Tensor, rollout: Rollout) {
    const { distribution, values } = this.evaluate(this.normalized(raw));
    const numbers = values.contiguous().data() as Float32Array;
    const found = advantagesOf(rollout, numbers, this.nextValues(numbers), this.options);
    this.#explainedVariance = found.explainedVariance;
    for (const value of numbers) this.#values.add(value);
    const column = (of: Float64Array) => this.onDevice(fromBytes(Float32Array.from(of), 'float32', [rollout.rows]));
    return {
      advantages: column(found.standardized),
      targets: column(found.targets),
      logProbability: distribution.logProbability(actions),
    };
  }

  #updatePolicy(x: Tensor, actions: Tensor, advantages: Tensor, oldLogProbability: Tensor): void {
    const { entropyCoefficient, maxKl, conjugateGradientIterations, damping } = this.options;
    const { policy } = this.model.parts;
    const gainOf = (now: Distribution) => {
      const entropy = now.entropy();
      for (const each of entropy.detach().contiguous().data() as Float32Array) this.#entropies.add(each);
      const ratio = now.logProbability(actions).sub(oldLogProbability).exp();
      return ratio.mul(advantages).mean().add(entropy.mean().mul(entropyCoefficient));
    };
    const now = this.evaluate(x).distribution;
    const before = detached(now);
    const gain = gainOf(now);
    const product = fisherProduct(before, now, policy, damping);
    const slope = flat(grad([gain], policy, { retainGraph: true }));
    const direction = conjugateGradient(product, slope, conjugateGradientIterations);
    const curvature = direction.dot(product(direction)).item();
    const step = direction.mul(Math.sqrt((2 * maxKl) / (curvature + 1e-8)));
    this.#search(step, gain.item(), () => {
      const then = this.evaluate(x).distribution;
      return { gain: gainOf(then).item(), kl: before.kl(then).mean().item() };
    });
  }

  /** Halves the step until it does what it should, or takes none. */
  #search(step: Tensor, gain: number, at: () => { gain: number; kl: number }): void {
    const { policy } = this.model.parts;
    const start = flat(policy.map((each) => each.detach()));
    for (let halvings = 0; halvings <= this.options.maxBacktracks; halvings++) {
      const size = 0.5 ** halvings;
      assign(policy, start.add(step, { alpha: size }));
      const found = noGrad(() => scope(at));
      const isGood = Number.isFinite(found.gain) && Number.isFinite(found.kl);
      if (!isGood || found.gain < gain || found.kl > this.options.maxKl) continue;
      this.#kls.add(found.kl);
      this.#stepSizes.add(size);
      return;
    }
    assign(policy, start);
    this.#stepSizes.add(0);
  }

  #updateValues(x: Tensor, targets: Tensor, rollout: Rollout): void {
    const { valueBatchSize: minibatchSize, valueEpochs: epochs, maxSequenceLength } = this.options;
    const settings = { minibatchSize, epochs, maxSequenceLength };
    for (const { index, output } of rolloutBatches(this.model, x, rollout, settings, this.#order))
      scope(() => {
        const loss = output().values.sub(targets.indexSelect(0, index)).square().mean();
        takeStep(this.valueOptimizer, loss, null);
      });
  }

  statistics(): Record<string, number> {
    return {
      average_value: this.#values.mean,
      average_entropy: this.#entropies.mean,
      average_kl: this.#kls.mean,
      average_policy_step_size: this.#stepSizes.mean,
      explained_variance: this.#explainedVariance,
      updates: this.updates,
    };
  }

  protected override parts(): AgentParts {
    const modules: Record<string, Module> = {};
    return { modules, optimizers: { value_optimizer: this.valueOptimizer }, streams: { minibatches: this.#order } };
  }

  get #records(): Recent[] {
    return [this.#values, this.#entropies, this.#kls, this.#stepSizes];
  }

  protected override figures(): State {
    return [this.#explainedVariance, ...this.#records.map(({ values }) => values)];
  }

  protected override loadFigures(figures: State): void {
    const [explained, ...all] = figures as [number, ...number[][]];
    this.#explainedVariance = explained;
    this.#records.forEach((record, i) => {
      record.values = all[i]!;
    });
  }
}
