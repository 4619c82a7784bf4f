// Deep Q-networks (Mnih et al. 2015), and what every agent of their family shares.
//
//   y = Q(s, a)     t = r + D (1 − d) maxₐ' Q⁻(s', a')     loss: Huber(y − t), or ½ (y − t)², over the batch
//
//   Q⁻ the target network   r the window's reward Σ γⁱ rᵢ   D = γ to the power of its length   d whether the task ended
//
// A variant overrides `target`, or `losses` as a whole.
import { checkChoice, checkNumber, deriveSeed, UserError } from '../../base/index.ts';
import { type Module, namedModules } from '../../nn/index.ts';
import { clipScale, gradNorm, type Optimizer } from '../../optim/index.ts';
import { backward, noGrad, Rng, scope, type Tensor } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import type { Actor } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import type { QFunction } from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { batchTensors, type ReplayBuffer, type TensorBatch } from '../replay/index.ts';
import { choicesOf } from './choices.ts';
import { ReplayAgent, type ReplayAgentOptions, type SavedParts } from './replay-agent.ts';
import { TargetNetwork } from './target-network.ts';
import { valueLoss } from './value-loss.ts';

export interface DQNOptions<Q extends Module = QFunction> extends ReplayAgentOptions<ReplayBuffer> {
  seed: number;
  /** Makes the network; called once more for the target network. */
  network(rng: Rng): Q;
  optimizer(network: Q): Optimizer;
  /** Discount (γ). */
  gamma: number;
  /** Huber's loss instead of half the square. */
  clipDelta: boolean;
  /** Of the losses of a batch. */
  accumulator: 'mean' | 'sum';
  /** The target network is copied (null), or follows by this share (τ) at each of its updates. */
  softUpdate: number | null;
  /** Gradients are scaled down to this norm; null: they are not. */
  maxGradNorm: number | null;
}

/** The loss of a batch, and how far each prediction was off: what priorities are made of. */
export interface BatchLoss {
  loss: Tensor;
  /** [B] */
  errors: Tensor;
}

export abstract class QAgent<Q extends Module> extends ReplayAgent<ReplayBuffer> {
  readonly network: Q;
  readonly target: TargetNetwork<Q>;
  readonly options: DQNOptions<Q>;
  readonly optimizer: Optimizer;
  protected readonly input: ObservationInput;
  protected readonly rng: Rng;

  constructor(options: DQNOptions<Q>) {
    super(new.target.name, options);
    const owner = new.target.name;
    checkNumber(owner, 'gamma', options.gamma, { min: 0, max: 1 });
    checkChoice(owner, 'accumulator', options.accumulator, ['mean', 'sum']);
    if (options.softUpdate !== null) checkNumber(owner, 'softUpdate', options.softUpdate, { above: 0, max: 1 });
    if (options.maxGradNorm !== null) checkNumber(owner, 'maxGradNorm', options.maxGradNorm, { above: 0 });
    this.options = options;
    this.input = new ObservationInput(options.observationSpace);
    this.rng = new Rng(deriveSeed(options.seed, 'network'), 'cpu');
    this.network = options.network(this.rng);
    this.target = new TargetNetwork(options.network(this.rng), this.network);
    this.optimizer = options.optimizer(this.network);
  }

  /** The values of observations [B, …shape], for acting. */
  protected abstract valuesOf(observations: Tensor): ActionValues;

  /** Of a batch; the graph reaches the network's parameters. */
  protected abstract losses(batch: TensorBatch): BatchLoss;

  protected override choose(observations: readonly Observation[]): Action[] {
    const choices = noGrad(() =>
      scope(() => choicesOf(this.valuesOf(this.input.tensor(observations)), this.actionSpace)),
    );
    let sum = 0;
    for (const { max } of choices) sum += max;
    this.averageQ.add(sum / choices.length);
    return choices.map(({ greedy, values }, i) => this.explorer.select(this.t, i, greedy, values));
  }

  protected override learn(): void {
    const { batchSize } = this.schedule;
    const batch = batchTensors(this.replay.sample(batchSize, this.options.gamma), this.input);
    const { loss, errors } = this.losses(batch);
    const value = loss.item();
    if (!Number.isFinite(value))
      throw new UserError('not-finite', `the loss of update ${this.updates + 1} is ${value}`, {
        remedy: 'Lower the learning rate, or scale the rewards down.',
      });
    this.averageLoss.add(value);
    this.network.zeroGrad();
    backward(loss);
    const { maxGradNorm } = this.options;
    if (maxGradNorm === null) this.optimizer.step();
    else this.optimizer.step(undefined, { gradScale: clipScale(gradNorm(this.optimizer.parameters), maxGradNorm) });
    this.replay.learned(errors);
  }

  protected override updateTargets(): void {
    if (this.options.softUpdate === null) this.target.copy();
    else this.target.follow(this.options.softUpdate);
  }

  get networks(): { network: Q } {
    return { network: this.network };
  }

  protected override saved(): SavedParts {
    return {
      modules: { network: this.network, target: this.target.network },
      optimizers: { optimizer: this.optimizer },
      streams: { network: this.rng },
    };
  }

  actor(): Actor {
    const modules = [...namedModules(this.network)].map(([, module]) => module);
    const training = (on: boolean) => {
      for (const module of modules) module.training = on;
    };
    return {
      act: (observations) => {
        training(false);
        try {
          const values = () => choicesOf(this.valuesOf(this.input.tensor(observations)), this.actionSpace);
          return noGrad(() => scope(values)).map(({ greedy }) => greedy);
        } finally {
          training(true);
        }
      },
      reset: () => {},
      [Symbol.dispose]: () => {},
    };
  }
}

export class DQN extends QAgent<QFunction> {
  protected override valuesOf(observations: Tensor): ActionValues {
    return this.network.forward(observations);
  }

  /** t [B], without gradient. */
  protected targets({ reward, next, bootstrap }: TensorBatch): Tensor {
    return reward.addcmul(bootstrap, this.target.network.forward(next).max());
  }

  protected override losses(batch: TensorBatch): BatchLoss {
    const y = this.network.forward(batch.observation).evaluateActions(batch.action);
    const t = noGrad(() => this.targets(batch));
    return { loss: valueLoss(y, t, batch.weight, this.options), errors: y.detach().sub(t).abs() };
  }
}
