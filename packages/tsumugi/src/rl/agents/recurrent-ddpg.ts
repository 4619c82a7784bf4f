// DDPG with a memory (Lillicrap et al. 2016, arXiv 1509.02971; as ChainerRL's update from episodes). Of each drawn stretch of T steps:
//
//   critic   y_t = r_t + γ (1 − d_t) Q⁻(h⁻_{t+1}, s_{t+1}, μ⁻(s_0 … s_{t+1}))
//            1/T Σ_t mean over the stretches with a step t of (Q(h_t, s_t, a_t) − y_t)²
//   actor    −1/T Σ_t mean over the stretches with a step t of Q(h_t, s_t, μ(s_0 … s_t))
//
//   h_t what the critic remembers of s_0, a_0 … s_{t−1}, a_{t−1}, the actions that were taken   T steps of the longest stretch
//   μ the policy, with a memory of its own   ⁻ the targets   d whether the task ended
//
// All memories are empty where a stretch begins; of whole episodes, which is what is drawn unless a length is given, that is so.
import { checkNumber, deriveSeed, RandomStream } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { Optimizer } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { type Device, fromBytes, noGrad, Rng, scope, type Tensor } from '../../torch/index.ts';
import type { Actor, ActorOptions } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import type { DeterministicHead, RecurrentCritic, RecurrentPolicy } from '../networks/index.ts';
import { ObservationInput } from '../observation-input.ts';
import { onDevice } from '../on-device.ts';
import type { EpisodeBatch, EpisodicReplayBuffer } from '../replay/index.ts';
import { ActionScale } from './action-scale.ts';
import type { AgentParts } from './agent-state.ts';
import { PolicyStepper } from './policy-stepper.ts';
import { ReplayAgent, type ReplayAgentOptions } from './replay-agent.ts';
import { takeStep } from './take-step.ts';
import { TargetNetwork } from './target-network.ts';

export interface RecurrentDDPGOptions extends ReplayAgentOptions<EpisodicReplayBuffer> {
  seed: number;
  /** The CPU when left out. */
  device?: Device | undefined;
  /** Discount (γ). */
  gamma: number;
  /** The share of the networks by which their targets follow them (τ). */
  softUpdate: number;
  /** Makes the policy, whose actions lie in [−1, 1]; called once more for its target. */
  policy(rng: Rng): RecurrentPolicy<DeterministicHead>;
  /** Makes the critic; called once more for its target. */
  critic(rng: Rng): RecurrentCritic;
  optimizer(network: Module): Optimizer;
  /** Steps of the stretches that are learned from; null: whole episodes. */
  episodicLength: number | null;
}

/** Stretches of episodes as tensors: T steps of B of them. */
export interface Stretches {
  /** Also that after the last step [T + 1, B, …]. */
  observations: Tensor;
  /** In [−1, 1] [T, B, A]. */
  actions: Tensor;
  /** [T, B] */
  rewards: Tensor;
  /** γ (1 − d) [T, B] */
  bootstrap: Tensor;
  /** What a step counts: 1 / (T · stretches that have it), 0 where there is none [T, B]. */
  weights: Tensor;
}

export class RecurrentDDPG extends ReplayAgent<EpisodicReplayBuffer> {
  readonly policy: RecurrentPolicy<DeterministicHead>;
  readonly critic: RecurrentCritic;
  readonly targetPolicy: TargetNetwork<RecurrentPolicy<DeterministicHead>>;
  readonly targetCritic: TargetNetwork<RecurrentCritic>;
  readonly policyOptimizer: Optimizer;
  readonly criticOptimizer: Optimizer;
  readonly #options: RecurrentDDPGOptions;
  readonly #device: Device;
  readonly #input: ObservationInput;
  readonly #scale: ActionScale;
  readonly #stepper: PolicyStepper;
  /** Of weights. */
  readonly #rng: Rng;
  /** Of the first, uniform actions. */
  readonly #uniform: RandomStream;

  constructor(options: RecurrentDDPGOptions) {
    super('DDPG', options);
    checkNumber('DDPG', 'gamma', options.gamma, { min: 0, max: 1 });
    checkNumber('DDPG', 'softUpdate', options.softUpdate, { above: 0, max: 1 });
    if (options.episodicLength !== null)
      checkNumber('DDPG', 'episodicLength', options.episodicLength, { min: 1, whole: true });
    this.#options = options;
    this.#input = new ObservationInput(options.observationSpace);
    this.#device = options.device ?? 'cpu';
    this.#scale = new ActionScale('DDPG', options.actionSpace, this.#device);
    this.#rng = new Rng(deriveSeed(options.seed, 'network'), this.#device);
    this.#uniform = new RandomStream(deriveSeed(options.seed, 'first actions'));
    this.policy = options.policy(this.#rng);
    this.critic = options.critic(this.#rng);
    this.targetPolicy = new TargetNetwork(options.policy(this.#rng), this.policy);
    this.targetCritic = new TargetNetwork(options.critic(this.#rng), this.critic);
    this.policyOptimizer = options.optimizer(this.policy);
    this.criticOptimizer = options.optimizer(this.critic);
    this.#stepper = new PolicyStepper(this.policy, this.environments);
  }

  /** In [−1, 1], and a step of the memory. */
  #actions(stepper: PolicyStepper, observations: readonly Observation[]): Float32Array[] {
    const { size } = this.#scale;
    const all = noGrad(() =>
      scope(() => stepper.policy(this.#input.tensor(observations, this.#device)).mode().data() as Float32Array),
    );
    return observations.map((_, i) => all.subarray(i * size, (i + 1) * size));
  }

  protected override choose(observations: readonly Observation[]): Action[] {
    // Also while actions are drawn, what was seen is remembered.
    const greedy = this.#actions(this.#stepper, observations);
    if (this.updates === 0) return observations.map(() => this.#scale.toBox(this.#scale.unit.sample(this.#uniform)));
    return greedy.map((action, i) => this.#scale.toBox(this.explorer.select(this.t, i, action) as Float32Array));
  }

  protected override episodeEnded(i: number): void {
    this.#stepper.reset(i);
  }

  protected override get isReady(): boolean {
    const { replay, schedule } = this;
    return replay.length >= schedule.replayStart && replay.numEpisodes >= schedule.batchSize;
  }

  /** A sample of replay. */
  stretches({ size, length, lengths, observations, actions, rewards, terminated }: EpisodeBatch): Stretches {
    const { gamma } = this.#options;
    const weights = new Float32Array(length * size);
    for (let t = 0; t < length; t++) {
      const there = lengths.reduce((sum, steps) => sum + (t < steps ? 1 : 0), 0);
      for (let b = 0; b < size; b++) if (t < lengths[b]!) weights[t * size + b] = 1 / (length * there);
    }
    const floats = (of: Float32Array) => onDevice(fromBytes(of, 'float32', [length, size]), this.#device);
    const inBox = onDevice(
      fromBytes(actions as Float32Array, 'float32', [length, size, this.#scale.size]),
      this.#device,
    );
    return {
      observations: this.#input.fromRows(observations, [length + 1, size], this.#device),
      actions: this.#scale.toUnit(inBox),
      rewards: floats(rewards),
      bootstrap: floats(Float32Array.from(terminated, (ended) => (ended ? 0 : gamma))),
      weights: floats(weights),
    };
  }

  /** Memories that are empty. */
  #start(policy: RecurrentPolicy<DeterministicHead>, batch: number): Tensor {
    return onDevice(policy.initialState(batch), this.#device);
  }

  criticLoss({ observations, actions, rewards, bootstrap, weights }: Stretches): { loss: Tensor; q: Tensor } {
    const [length, batch] = actions.shape as [number, number];
    const before = observations.narrow(0, 0, length);
    const y = noGrad(() => {
      const { network: policy } = this.targetPolicy;
      const { network: critic } = this.targetCritic;
      const next = policy.unroll(observations, this.#start(policy, batch)).distribution.mode().narrow(0, 1, length);
      const states = critic.follow(before, actions).states.narrow(0, 1, length);
      const after = observations.narrow(0, 1, length).flatten(0, 1);
      const q = critic.step(after, next.flatten(0, 1), states.flatten(0, 1)).q.unflatten(0, [length, batch]);
      return rewards.addcmul(bootstrap, q);
    });
    const { q } = this.critic.follow(before, actions);
    return { loss: q.sub(y).square().mul(weights).sum(), q };
  }

  policyLoss({ observations, actions, weights }: Stretches): Tensor {
    const [length, batch] = actions.shape as [number, number];
    const before = observations.narrow(0, 0, length);
    const states = noGrad(() => this.critic.follow(before, actions).states.narrow(0, 0, length).flatten(0, 1));
    const chosen = this.policy.unroll(before, this.#start(this.policy, batch)).distribution.mode();
    const { q } = this.critic.step(before.flatten(0, 1), chosen.flatten(0, 1), states);
    return q.mul(weights.flatten()).sum().neg();
  }

  protected override learn(): void {
    const { episodicLength } = this.#options;
    const episodes = this.replay.sampleEpisodes(this.schedule.batchSize, episodicLength ?? Infinity);
    const stretches = this.stretches(episodes);
    const { loss, q } = this.criticLoss(stretches);
    takeStep(this.criticOptimizer, loss, null);
    this.averageLoss.add(loss.item());
    this.averageQ.add(q.mul(stretches.weights).sum().item());
    takeStep(this.policyOptimizer, this.policyLoss(stretches), null);
  }

  protected override updateTargets(): void {
    this.targetPolicy.follow(this.#options.softUpdate);
    this.targetCritic.follow(this.#options.softUpdate);
  }

  get networks(): Readonly<Record<string, Module>> {
    return this.saved().modules;
  }

  protected override saved(): AgentParts {
    return {
      modules: {
        policy: this.policy,
        critic: this.critic,
        'target-policy': this.targetPolicy.network,
        'target-critic': this.targetCritic.network,
      },
      optimizers: { 'policy-optimizer': this.policyOptimizer, 'critic-optimizer': this.criticOptimizer },
      streams: { network: this.#rng, uniform: this.#uniform },
    };
  }

  protected override ownState(): State {
    return Array.from(this.#stepper.memory);
  }

  protected override loadOwnState(memory: State): void {
    this.#stepper.memory = Float32Array.from(memory as number[]);
  }

  actor(_options: ActorOptions = {}): Actor {
    let stepper: PolicyStepper | undefined;
    return {
      act: (observations) => {
        stepper ??= new PolicyStepper(this.policy, observations.length);
        return this.#actions(stepper, observations).map((action) => this.#scale.toBox(action));
      },
      reset: (i) => stepper?.reset(i),
      [Symbol.dispose]: () => {},
    };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#scale[Symbol.dispose]();
  }
}
