// n-step Q-learning (Mnih et al. 2016, arXiv 1602.01783) in one process: it learns from what just happened, without replay.
//
//   R = maxₐ Q⁻(s_T, a), or 0 where the task ended;   going back:  R ← rₜ + γ R,   loss = Σₜ Huber(Q(sₜ, aₜ) − R)
//
// over up to `rolloutSteps` steps of an environment, fewer where its episode ends. Q⁻ is copied every so many steps of all.
import { checkNumber, deriveSeed, invariant } from '../../base/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { type Device, fromBytes, noGrad, Rng, scope } from '../../torch/index.ts';
import type { ActionValues } from '../action-values/index.ts';
import type { Actor, AgentState, Outcome, SharedAgent } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import type { Explorer } from '../explorers/index.ts';
import { isRecurrent } from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { onDevice } from '../on-device.ts';
import type { Space } from '../spaces/index.ts';
import { actionTensor } from './action-tensor.ts';
import { type AgentParts, agentState, loadAgentState } from './agent-state.ts';
import { DecayingRate } from './decay.ts';
import type { QModule } from './q-agent.ts';
import { RunningAverage } from './running-average.ts';
import { followParts, type SharedParts, shareParts } from './shared-parts.ts';
import { takeStep } from './take-step.ts';
import { TargetNetwork } from './target-network.ts';
import { ValueActor } from './value-actor.ts';
import { valueLoss } from './value-loss.ts';

export interface NSQOptions {
  observationSpace: Space;
  actionSpace: Space;
  /** How many it acts in at a time; 1 when left out. */
  environments?: number | undefined;
  seed: number;
  /** The CPU when left out. */
  device?: Device | undefined;
  /** Makes the network; called once more for the target network. */
  network(rng: Rng): QModule<ActionValues>;
  optimizer(network: QModule<ActionValues>): Optimizer;
  explorer: Explorer;
  /** Discount (γ). */
  gamma: number;
  /** Steps of an environment between updates (t_max). */
  rolloutSteps: number;
  /** Steps of all environments between copies to the target network. */
  targetUpdateInterval: number;
  /** Gradients are scaled down to this norm; null: they are not. */
  maxGradNorm: number | null;
  /** Steps over which the learning rate falls to 0; it stays when left out. */
  learningRateDecay?: number | null | undefined;
}

/** What happened in an environment since the last update. */
interface Rollout {
  /** One more than steps, once the last is over. */
  observations: Observation[];
  actions: Action[];
  rewards: number[];
  /** The memory before its first step, where the network has one. */
  first: Float32Array | undefined;
}

const fresh = (): Rollout => ({ observations: [], actions: [], rewards: [], first: undefined });

export class NSQ implements SharedAgent {
  readonly network: QModule<ActionValues>;
  readonly target: TargetNetwork<QModule<ActionValues>>;
  readonly optimizer: Optimizer;
  /** Steps so far, of all environments together. */
  t = 0;
  updates = 0;
  readonly #options: NSQOptions;
  readonly #device: Device;
  readonly #rng: Rng;
  readonly #input: ObservationInput;
  readonly #actor: ValueActor<ActionValues>;
  readonly #rate: DecayingRate;
  readonly #averageQ = new RunningAverage(0.999);
  readonly #averageLoss = new RunningAverage(0.99);
  #rollouts: Rollout[];
  #actions: Action[] = [];

  constructor(options: NSQOptions) {
    const { gamma, rolloutSteps, targetUpdateInterval, maxGradNorm, environments = 1, seed, device = 'cpu' } = options;
    checkNumber('NSQ', 'gamma', gamma, { min: 0, max: 1 });
    checkNumber('NSQ', 'rolloutSteps', rolloutSteps, { min: 1, whole: true });
    checkNumber('NSQ', 'targetUpdateInterval', targetUpdateInterval, { min: 1, whole: true });
    if (maxGradNorm !== null) checkNumber('NSQ', 'maxGradNorm', maxGradNorm, { above: 0 });
    this.#options = options;
    this.#device = device;
    this.#rng = new Rng(deriveSeed(seed, 'network'), device);
    this.#input = new ObservationInput(options.observationSpace);
    this.network = options.network(this.#rng);
    this.target = new TargetNetwork(options.network(this.#rng), this.network);
    this.optimizer = options.optimizer(this.network);
    this.#rate = new DecayingRate(this.optimizer, options.learningRateDecay);
    this.#actor = this.#makeActor();
    this.#rollouts = Array.from({ length: environments }, fresh);
  }

  #makeActor(): ValueActor<ActionValues> {
    const { actionSpace } = this.#options;
    const parts = { network: this.network, input: this.#input, actionSpace, device: this.#device };
    return new ValueActor({ ...parts, valuesOf: (output) => output });
  }

  get networks(): { network: QModule<ActionValues> } {
    return { network: this.network };
  }

  act(observations: readonly Observation[]): Action[] {
    invariant(observations.length === this.#rollouts.length, `an agent of ${this.#rollouts.length} environments`);
    const choices = this.#actor.choices(observations);
    this.#averageQ.add(choices.reduce((sum, { max }) => sum + max, 0) / choices.length);
    this.#rollouts.forEach((rollout, i) => {
      if (rollout.observations.length > 0) return;
      rollout.observations.push(observations[i]!);
      if (isRecurrent(this.network)) rollout.first = this.#actor.stateBefore(i);
    });
    this.#actions = choices.map(({ greedy, values }, i) => this.#options.explorer.select(this.t, i, greedy, values));
    return this.#actions;
  }

  observe(outcomes: readonly Outcome[]): void {
    invariant(outcomes.length === this.#actions.length, 'outcomes belong to the actions before');
    const { rolloutSteps, targetUpdateInterval } = this.#options;
    outcomes.forEach(({ reward, next, terminated, truncated }, i) => {
      const rollout = this.#rollouts[i]!;
      rollout.observations.push(next);
      rollout.actions.push(this.#actions[i]!);
      rollout.rewards.push(reward);
      this.t++;
      const ended = terminated || truncated;
      if (ended || rollout.rewards.length === rolloutSteps) {
        scope(() => this.#learn(rollout, terminated));
        this.#rollouts[i] = fresh();
      }
      if (ended) this.#actor.reset(i);
      if (this.t % targetUpdateInterval === 0) this.target.copy();
    });
    this.#actions = [];
  }

  #learn(rollout: Rollout, terminated: boolean): void {
    const { gamma, maxGradNorm } = this.#options;
    const steps = rollout.rewards.length;
    const last = noGrad(() => this.#values(this.target.network, rollout, steps).max());
    let following = terminated ? 0 : Number(last.data().at(-1));
    const returns = new Float32Array(steps);
    for (let t = steps - 1; t >= 0; t--) {
      following = rollout.rewards[t]! + gamma * following;
      returns[t] = following;
    }
    const y = this.#values(this.network, rollout, 0, steps).evaluateActions(
      actionTensor(rollout.actions, this.#options.actionSpace, this.#device),
    );
    const target = onDevice(fromBytes(returns, 'float32', [steps]), this.#device);
    const loss = valueLoss(y, target, undefined, { clipDelta: true, accumulator: 'sum' });
    this.#averageLoss.add(loss.item());
    this.#rate.set(this.t - 1);
    takeStep(this.optimizer, loss, maxGradNorm);
    this.updates++;
  }

  /** At observations `from` … `to` − 1; with a memory at all before `to`, as it comes from there. */
  #values(
    network: QModule<ActionValues>,
    { observations, first }: Rollout,
    from: number,
    to = observations.length,
  ): ActionValues {
    if (!isRecurrent(network)) return network.forward(this.#input.tensor(observations.slice(from, to), this.#device));
    const seen = this.#input.tensor(observations.slice(0, to), this.#device).unsqueeze(1);
    return network.unroll(seen, onDevice(fromBytes(first!, 'float32', [1, first!.length]), this.#device)).values;
  }

  abandon(i: number): void {
    const rollout = this.#rollouts[i]!;
    if (rollout.rewards.length > 0) scope(() => this.#learn(rollout, false));
    this.#rollouts[i] = fresh();
    this.#actor.reset(i);
  }

  get steps(): number {
    return this.t;
  }

  set steps(all: number) {
    this.t = all;
  }

  get #parts() {
    return {
      modules: { network: this.network, target: this.target.network },
      optimizers: { optimizer: this.optimizer },
    };
  }

  get #saved(): AgentParts {
    return { ...this.#parts, streams: { network: this.#rng } };
  }

  share(): SharedParts {
    return shareParts(this.#parts);
  }

  follow(shared: SharedParts): void {
    followParts(this.#parts, shared);
  }

  actor(): Actor {
    const actor = this.#makeActor();
    return {
      act: (observations) => actor.choices(observations).map(({ greedy }) => greedy),
      reset: (i) => actor.reset(i),
      [Symbol.dispose]: () => {},
    };
  }

  statistics(): Record<string, number> {
    return { average_q: this.#averageQ.value, loss: this.#averageLoss.value, updates: this.updates };
  }

  state(): AgentState {
    const plain = (value: number | ArrayLike<number>) => (typeof value === 'number' ? value : Array.from(value));
    return agentState('NSQ', this.#saved, {
      tensors: {},
      state: {
        t: this.t,
        updates: this.updates,
        averages: [this.#averageQ.value, this.#averageLoss.value],
        explorer: this.#options.explorer.state(),
        memories: this.#actor.states,
        rollouts: this.#rollouts.map(({ observations, actions, rewards, first }) => ({
          observations: observations.map(plain),
          actions: actions.map(plain),
          rewards,
          first: first ? [...first] : null,
        })),
      },
    });
  }

  loadState(state: AgentState): void {
    const saved = loadAgentState('NSQ', this.#saved, state) as unknown as SavedState;
    this.#options.explorer.loadState(saved.explorer);
    this.#actor.states = saved.memories;
    this.t = saved.t;
    this.updates = saved.updates;
    [this.#averageQ.value, this.#averageLoss.value] = saved.averages;
    const observation = (value: number | number[]) => (typeof value === 'number' ? value : this.#rowOf(value));
    const action = (value: number | number[]) => (typeof value === 'number' ? value : Float32Array.from(value));
    this.#rollouts = saved.rollouts.map(({ observations, actions, rewards, first }) => ({
      observations: observations.map(observation),
      actions: actions.map(action),
      rewards: [...rewards],
      first: first ? Float32Array.from(first) : undefined,
    }));
  }

  #rowOf(values: readonly number[]): Float32Array | Uint8Array {
    return this.#input.dtype === 'uint8' ? Uint8Array.from(values) : Float32Array.from(values);
  }

  [Symbol.dispose](): void {
    this.optimizer.dispose();
    this.network.dispose();
    this.target.network.dispose();
  }
}

interface SavedState {
  t: number;
  updates: number;
  averages: [number, number];
  explorer: State;
  memories: number[][];
  rollouts: {
    observations: (number | number[])[];
    actions: (number | number[])[];
    rewards: number[];
    first: number[] | null;
  }[];
}
