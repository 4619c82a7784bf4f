// What agents with a stochastic policy have in common: they draw their actions from it, and learn from what came of them.
import { checkNumber, deriveSeed, invariant } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { State } from '../../store/index.ts';
import { noGrad, Rng, scope, type Tensor } from '../../torch/index.ts';
import type { Actor, ActorOptions, AgentState, Outcome, SharedAgent } from '../agent.ts';
import type { Distribution } from '../distributions/index.ts';
import type { Action, Observation } from '../environment.ts';
import type { EmpiricalNormalization } from '../networks/index.ts';
import { ObservationInput, type ObservationRows } from '../observation-input.ts';
import { onDevice } from '../on-device.ts';
import type { Space } from '../spaces/index.ts';
import { ActionOutput, type ActionRows } from './action-output.ts';
import { type AgentParts, agentState, loadAgentState, type OwnState } from './agent-state.ts';
import { PolicyActor } from './policy-actor.ts';
import { type PolicyModel, PolicyStepper } from './policy-stepper.ts';
import type { Memories } from './rollout.ts';
import { followParts, type SharedParts, shareParts } from './shared-parts.ts';

export interface PolicyAgentOptions<M extends PolicyModel = PolicyModel> {
  observationSpace: Space;
  actionSpace: Space;
  /** How many it acts in at a time (N); 1 when left out. */
  environments?: number;
  /** Of what it draws. */
  seed: number;
  /** The agent frees it. */
  model: M;
  /** Normalizes observations by those of the updates so far; the agent frees it. */
  normalizer?: EmpiricalNormalization | undefined;
  /** Whether evaluation takes the likeliest action; true when left out. Training always draws. */
  actDeterministically?: boolean;
}

/** What `act` did last. */
export interface Acted {
  observations: ObservationRows;
  actions: ActionRows;
  /** Of recurrent policies. */
  memories: Memories | undefined;
  /** The distributions' parameters [N · A] each. */
  parameters: Float32Array[];
}

export abstract class PolicyAgent<M extends PolicyModel = PolicyModel> implements SharedAgent {
  readonly model: M;
  readonly normalizer: EmpiricalNormalization | undefined;
  readonly environments: number;
  readonly seed: number;
  readonly actDeterministically: boolean;
  /** Steps so far, of all environments together. */
  steps = 0;
  /** Updates so far. */
  updates = 0;
  protected readonly input: ObservationInput;
  protected readonly output: ActionOutput;
  protected readonly stepper: PolicyStepper;
  protected readonly rng: Rng;
  #acted: Acted | undefined;

  protected constructor(options: PolicyAgentOptions<M>) {
    const { observationSpace, actionSpace, environments = 1, seed, model, normalizer } = options;
    this.environments = checkNumber(new.target.name, 'environments', environments, { min: 1, whole: true });
    this.seed = seed;
    this.model = model;
    this.normalizer = normalizer;
    this.actDeterministically = options.actDeterministically ?? true;
    this.input = new ObservationInput(observationSpace);
    this.output = new ActionOutput(actionSpace);
    this.stepper = new PolicyStepper(model, environments);
    this.rng = new Rng(deriveSeed(seed, 'actions'), this.stepper.device);
  }

  /** Learns, where it is due, from one step of all environments. `steps` counts it already. */
  protected abstract learn(acted: Acted, outcomes: readonly Outcome[]): void;
  abstract statistics(): Readonly<Record<string, number>>;
  protected abstract parts(): AgentParts;
  protected abstract ownState(): OwnState;
  protected abstract loadOwnState(state: State, tensors: AgentState['tensors']): void;

  /** Whether `act` is to keep the parameters of the distributions that it drew from. */
  protected get keepsParameters(): boolean {
    return false;
  }

  /** What the agent does where the episode of environment `i` is lost. */
  protected cut(_i: number): void {}

  /** Observations as the model takes them, by the statistics so far. */
  normalized(observations: Tensor): Tensor {
    const x = this.onDevice(observations);
    if (!this.normalizer) return x;
    return this.normalizer.forward(x.dtype === 'float32' ? x : x.to('float32'));
  }

  /** A tensor of plain numbers where the model is. */
  protected onDevice(made: Tensor): Tensor {
    return onDevice(made, this.stepper.device);
  }

  act(observations: readonly Observation[]): Action[] {
    invariant(observations.length === this.environments, `an agent of ${this.environments} environments`);
    return noGrad(() => scope(() => this.#act(observations)));
  }

  #act(observations: readonly Observation[]): Action[] {
    const rows = this.input.rows(observations.length);
    for (let i = 0; i < observations.length; i++) this.input.write(observations[i]!, rows, i);
    const before = this.stepper.memory;
    const policy = this.stepper.policy(this.normalized(this.input.fromRows(rows, [observations.length])));
    const actions = this.output.fromSample(policy.sample(this.rng));
    this.#acted = {
      observations: rows,
      actions,
      memories: before.length === 0 ? undefined : { before, after: this.stepper.memory },
      parameters: this.keepsParameters ? parametersOf(policy) : [],
    };
    return this.output.actions(actions);
  }

  observe(outcomes: readonly Outcome[]): void {
    const acted = this.#acted;
    invariant(acted && outcomes.length === this.environments, 'outcomes belong to the actions before');
    this.#acted = undefined;
    this.steps += outcomes.length;
    // What was acted on is kept as it was; episodes that ended are forgotten in a memory of its own.
    if (acted.memories) this.stepper.memory = acted.memories.after.slice();
    for (let i = 0; i < outcomes.length; i++)
      if (outcomes[i]!.terminated || outcomes[i]!.truncated) this.stepper.reset(i);
    scope(() => this.learn(acted, outcomes));
  }

  abandon(i: number): void {
    this.cut(i);
    this.stepper.reset(i);
  }

  get networks(): Record<string, Module> {
    return { model: this.model, ...(this.normalizer && { normalizer: this.normalizer }) };
  }

  actor(options: ActorOptions = {}): Actor {
    return new PolicyActor({
      model: this.model,
      device: this.stepper.device,
      input: this.input,
      output: this.output,
      normalized: (observations) => this.normalized(observations),
      deterministic: options.deterministic ?? this.actDeterministically,
      seed: options.seed ?? deriveSeed(this.seed, 'evaluation', this.steps),
    });
  }

  state(): AgentState {
    const { tensors, state } = this.ownState();
    const { steps, updates } = this;
    const memory = Array.from(this.stepper.memory);
    return agentState(this.constructor.name, this.#allParts(), {
      tensors,
      state: { steps, updates, memory, own: state },
    });
  }

  loadState(state: AgentState): void {
    const saved = loadAgentState(this.constructor.name, this.#allParts(), state) as unknown as SavedCounters;
    this.steps = saved.steps;
    this.updates = saved.updates;
    this.stepper.memory = Float32Array.from(saved.memory);
    scope(() => this.loadOwnState(saved.own, state.tensors));
  }

  share(): SharedParts {
    return shareParts(this.#allParts());
  }

  follow(shared: SharedParts): void {
    followParts(this.#allParts(), shared);
  }

  #allParts(): AgentParts {
    const { modules, optimizers, streams } = this.parts();
    return { modules: { ...this.networks, ...modules }, optimizers, streams: { ...streams, actions: this.rng } };
  }

  [Symbol.dispose](): void {
    const { modules, optimizers } = this.#allParts();
    for (const optimizer of Object.values(optimizers)) optimizer.dispose();
    for (const module of Object.values(modules)) module.dispose();
  }
}

interface SavedCounters {
  steps: number;
  updates: number;
  memory: number[];
  own: State;
}

const parametersOf = (policy: Distribution) =>
  policy.parameters.map((each) => each.contiguous().data() as Float32Array);
