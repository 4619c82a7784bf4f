// What every agent of DQN's family shares: a network and its target, an optimizer, and the update of a sample. What makes an
// algorithm is its `losses`.
import { ConfigError, checkChoice, checkNumber, deriveSeed, UserError } from '../../base/index.ts';
import { namedModules } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { backward, type Device, Rng, type Tensor } from '../../torch/index.ts';
import type { ActionValues, Rows } from '../action-values/index.ts';
import type { Actor, ActorOptions } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import { isRecurrent, type QFunction, type RecurrentQFunction } from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { EpisodicReplayBuffer, type Extras, type ReplayBuffer } from '../replay/index.ts';
import type { AgentParts } from './agent-state.ts';
import { ReplayAgent, type ReplayAgentOptions } from './replay-agent.ts';
import { episodeSamples, type Samples, windowSamples } from './samples.ts';
import { stepWithGradients } from './take-step.ts';
import { TargetNetwork } from './target-network.ts';
import { ValueActor } from './value-actor.ts';

export type QModule<V> = QFunction<V> | RecurrentQFunction<V>;

export interface QAgentOptions<V = ActionValues> extends ReplayAgentOptions<ReplayBuffer | EpisodicReplayBuffer> {
  seed: number;
  /** The CPU when left out. */
  device?: Device | undefined;
  /** Makes the network; called once more for the target network. One with a memory needs episodic replay. */
  network(rng: Rng): QModule<V>;
  optimizer(network: QModule<V>): Optimizer;
  /** Discount (γ). */
  gamma: number;
  /** Of the losses of a batch. */
  accumulator: 'mean' | 'sum';
  /** The target network is copied (null), or follows by this share (τ) at each of its updates. */
  softUpdate: number | null;
  /** Gradients are scaled down to this norm; null: they are not. */
  maxGradNorm: number | null;
  /** Steps of the stretches of episodes that a network with a memory learns from; null: whole episodes. */
  episodicLength?: number | null | undefined;
}

/** The loss of a batch, and how far each prediction was off: what priorities are made of. */
export interface BatchLoss {
  loss: Tensor;
  /** [N], made where they are needed: |y − t| alone costs three operators. */
  errors(): Tensor;
}

export abstract class QAgent<V extends Rows<V>> extends ReplayAgent<ReplayBuffer | EpisodicReplayBuffer> {
  readonly network: QModule<V>;
  readonly target: TargetNetwork<QModule<V>>;
  readonly optimizer: Optimizer;
  /** Of the network's noise, and of what the algorithm draws. */
  protected readonly rng: Rng;
  readonly #options: QAgentOptions<V>;
  readonly #input: ObservationInput;
  readonly #device: Device;
  readonly #actor: ValueActor<V>;

  constructor(options: QAgentOptions<V>) {
    const owner = new.target.name;
    super(owner, options);
    checkNumber(owner, 'gamma', options.gamma, { min: 0, max: 1 });
    checkChoice(owner, 'accumulator', options.accumulator, ['mean', 'sum']);
    if (options.softUpdate !== null) checkNumber(owner, 'softUpdate', options.softUpdate, { above: 0, max: 1 });
    if (options.maxGradNorm !== null) checkNumber(owner, 'maxGradNorm', options.maxGradNorm, { above: 0 });
    this.#options = options;
    this.#device = options.device ?? 'cpu';
    this.#input = new ObservationInput(options.observationSpace);
    this.rng = new Rng(deriveSeed(options.seed, 'network'), this.#device);
    this.network = options.network(this.rng);
    this.target = new TargetNetwork(options.network(this.rng), this.network);
    this.optimizer = options.optimizer(this.network);
    if (isRecurrent(this.network) !== this.replay instanceof EpisodicReplayBuffer)
      throw new ConfigError(
        'wrong-replay',
        `${owner}: a network ${isRecurrent(this.network) ? 'with a memory needs replay of episodes' : 'without memory needs replay of steps'}`,
      );
    this.#actor = this.#makeActor(this.rng);
  }

  /** Of a batch; the graph reaches the network's parameters. */
  protected abstract losses(samples: Samples<V>): BatchLoss;

  /** The values to act by. */
  protected abstract valuesOf(output: V, rng: Rng, deterministic: boolean): ActionValues;

  #makeActor(rng: Rng, deterministic = false): ValueActor<V> {
    return new ValueActor({
      network: this.network,
      input: this.#input,
      actionSpace: this.actionSpace,
      device: this.#device,
      valuesOf: (output) => this.valuesOf(output, rng, deterministic),
    });
  }

  protected override choose(observations: readonly Observation[]): Action[] {
    const choices = this.#actor.choices(observations);
    let sum = 0;
    for (const { max } of choices) sum += max;
    this.averageQ.add(sum / choices.length);
    return choices.map(({ greedy, values }, i) => this.explorer.select(this.t, i, greedy, values));
  }

  protected override extrasOf(i: number): Extras | undefined {
    return isRecurrent(this.network) ? { state: this.#actor.stateBefore(i) } : undefined;
  }

  protected override episodeEnded(i: number): void {
    this.#actor.reset(i);
  }

  protected override get isReady(): boolean {
    const { replay, schedule } = this;
    if (!(replay instanceof EpisodicReplayBuffer)) return super.isReady;
    // The longer episodes are, the fewer there is room for: then all that there are make a batch.
    if (replay.isFull) return replay.numEpisodes > 0;
    return replay.length >= schedule.replayStart && replay.numEpisodes >= schedule.batchSize;
  }

  #sample(): Samples<V> {
    const { replay, schedule } = this;
    const { gamma, episodicLength } = this.#options;
    if (!(replay instanceof EpisodicReplayBuffer))
      return windowSamples(replay.sample(schedule.batchSize, gamma), this.#input, this.#device);
    const count = Math.min(schedule.batchSize, replay.numEpisodes);
    const episodes = replay.sampleEpisodes(count, episodicLength ?? Infinity);
    return episodeSamples(episodes, this.#input, gamma, this.#device);
  }

  protected override learn(): void {
    const { loss, errors } = this.losses(this.#sample());
    const value = loss.item();
    if (!Number.isFinite(value))
      throw new UserError('not-finite', `the loss of update ${this.updates + 1} is ${value}`, {
        remedy: 'Lower the learning rate, or scale the rewards down.',
      });
    this.averageLoss.add(value);
    this.optimizer.zeroGrad();
    backward(loss);
    stepWithGradients(this.optimizer, this.#options.maxGradNorm);
    if (!(this.replay instanceof EpisodicReplayBuffer)) this.replay.learned(errors);
  }

  protected override updateTargets(): void {
    if (this.#options.softUpdate === null) this.target.copy();
    else this.target.follow(this.#options.softUpdate);
  }

  get networks(): { network: QModule<V> } {
    return { network: this.network };
  }

  protected override saved(): AgentParts {
    return {
      modules: { network: this.network, target: this.target.network },
      optimizers: { optimizer: this.optimizer },
      streams: { network: this.rng },
    };
  }

  protected override ownState(): State {
    return this.#actor.states;
  }

  protected override loadOwnState(states: State): void {
    this.#actor.states = states as number[][];
  }

  actor({ deterministic = true, seed = 0 }: ActorOptions = {}): Actor {
    const modules = [...namedModules(this.network)].map(([, module]) => module);
    const training = (on: boolean) => {
      for (const module of modules) module.training = on;
    };
    const actor = this.#makeActor(new Rng(deriveSeed(seed, 'actor'), this.#device), deterministic);
    return {
      act: (observations) => {
        // Without the noise of noisy layers.
        training(false);
        try {
          return actor.choices(observations).map(({ greedy }) => greedy);
        } finally {
          training(true);
        }
      },
      reset: (i) => actor.reset(i),
      [Symbol.dispose]: () => {},
    };
  }
}
