// What agents that learn from replay have in common: they act with exploration, put what came of it into replay, and now and
// then take steps on samples of it, and bring their target networks up to date.
//
// Every step of an environment counts one: t ← t + 1, it is added to replay, target networks are updated when their interval
// divides t, and the networks are updated when theirs divides t and replay has enough. With N environments the N steps of one
// round count one after the other.
import { ConfigError, checkNumber, invariant } from '../../base/index.ts';
import type { Module } from '../../nn/index.ts';
import type { State } from '../../store/index.ts';
import { scope } from '../../torch/index.ts';
import type { Actor, ActorOptions, Agent, AgentState, Outcome } from '../agent.ts';
import type { Action, Observation } from '../environment.ts';
import type { Explorer } from '../explorers/index.ts';
import type { Extras, ReplayState } from '../replay/index.ts';
import type { Space } from '../spaces/index.ts';
import { type AgentParts, agentState, loadAgentState } from './agent-state.ts';
import { RunningAverage } from './running-average.ts';

/** What an agent needs of a replay buffer, whatever it samples from it. */
export interface Replay {
  /** What can be sampled. */
  readonly length: number;
  /** What it has room for, the last observations of episodes included. */
  readonly capacity: number;
  /** There is no room left: its length grows no more. */
  readonly isFull: boolean;
  add(i: number, observation: Observation, action: Action, outcome: Outcome, extras?: Extras): void;
  /** Ends the episode of environment `i` as a time limit does. */
  cut(i: number): void;
  state(): ReplayState;
  loadState(state: ReplayState): void;
}

/** When an agent learns. */
export interface LearningSchedule {
  /** Steps that can be sampled before the first update; a replay that is full before is enough. */
  replayStart: number;
  /** Samples of an update. */
  batchSize: number;
  /** Steps between updates. */
  updateInterval: number;
  /** Updates each time. */
  updatesPerInterval: number;
  /** Steps between updates of the target networks. */
  targetUpdateInterval: number;
}

export interface ReplayAgentOptions<R extends Replay> extends LearningSchedule {
  observationSpace: Space;
  actionSpace: Space;
  /** How many it acts in at a time; 1 when left out. */
  environments?: number | undefined;
  replay: R;
  explorer: Explorer;
}

export abstract class ReplayAgent<R extends Replay> implements Agent {
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly environments: number;
  readonly replay: R;
  readonly explorer: Explorer;
  readonly schedule: LearningSchedule;
  /** Steps so far, of all environments together. */
  t = 0;
  /** Updates so far. */
  updates = 0;
  protected readonly averageQ = new RunningAverage(0.999);
  protected readonly averageLoss = new RunningAverage(0.99);
  #observations: readonly Observation[] = [];
  #actions: Action[] = [];

  protected constructor(owner: string, options: ReplayAgentOptions<R>) {
    const { observationSpace, actionSpace, environments = 1, replay, explorer } = options;
    const { replayStart, batchSize, updateInterval, updatesPerInterval, targetUpdateInterval } = options;
    this.schedule = { replayStart, batchSize, updateInterval, updatesPerInterval, targetUpdateInterval };
    for (const [name, value] of Object.entries(this.schedule)) checkNumber(owner, name, value, { min: 1, whole: true });
    const needed = Math.max(replayStart, batchSize);
    if (needed > replay.capacity)
      throw new ConfigError(
        'bad-setting',
        `${owner}: the first update waits for ${needed} steps (${replayStart < batchSize ? 'batchSize' : 'replayStart'}), and there is room for ${replay.capacity} (capacity)`,
        { remedy: 'Raise capacity, or lower what the first update waits for.' },
      );
    this.observationSpace = observationSpace;
    this.actionSpace = actionSpace;
    this.environments = environments;
    this.replay = replay;
    this.explorer = explorer;
  }

  /** Actions with exploration, for training. */
  protected abstract choose(observations: readonly Observation[]): Action[];
  /** One update, of a sample of replay. */
  protected abstract learn(): void;
  protected abstract updateTargets(): void;
  protected abstract saved(): AgentParts;
  abstract actor(options?: ActorOptions): Actor;
  abstract readonly networks: Readonly<Record<string, Module>>;

  /** What of the choice for environment `i` goes into replay with it. */
  protected extrasOf(_i: number): Extras | undefined {
    return undefined;
  }

  /** The episode of environment `i` is over. */
  protected episodeEnded(_i: number): void {}

  /** Whether replay has enough for an update. */
  protected get isReady(): boolean {
    const { length, isFull } = this.replay;
    const { replayStart, batchSize } = this.schedule;
    // Rows hold the last observations of episodes, too, so as many steps as rows will never be there.
    return length >= batchSize && (length >= replayStart || isFull);
  }

  act(observations: readonly Observation[]): Action[] {
    invariant(observations.length === this.environments, `an agent of ${this.environments} environments`);
    this.#observations = observations;
    this.#actions = this.choose(observations);
    return this.#actions;
  }

  observe(outcomes: readonly Outcome[]): void {
    invariant(outcomes.length === this.#actions.length, 'outcomes belong to the actions before');
    const { updateInterval, updatesPerInterval, targetUpdateInterval } = this.schedule;
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]!;
      this.t++;
      this.replay.add(i, this.#observations[i]!, this.#actions[i]!, outcome, this.extrasOf(i));
      if (outcome.terminated || outcome.truncated) this.episodeEnded(i);
      if (this.t % targetUpdateInterval === 0) this.updateTargets();
      if (this.t % updateInterval !== 0 || !this.isReady) continue;
      for (let update = 0; update < updatesPerInterval; update++) {
        scope(() => this.learn());
        this.updates++;
      }
    }
    this.#actions = [];
  }

  abandon(i: number): void {
    this.replay.cut(i);
    this.episodeEnded(i);
  }

  statistics(): Record<string, number> {
    return { average_q: this.averageQ.value, loss: this.averageLoss.value, updates: this.updates };
  }

  state(): AgentState {
    const replay = this.replay.state();
    return agentState(this.constructor.name, this.saved(), {
      tensors: { replay: replay.tensors },
      state: {
        t: this.t,
        updates: this.updates,
        averages: [this.averageQ.value, this.averageLoss.value],
        replay: replay.state,
        explorer: this.explorer.state(),
        own: this.ownState(),
      },
    });
  }

  loadState(state: AgentState): void {
    const saved = loadAgentState(this.constructor.name, this.saved(), state) as unknown as SavedState;
    this.replay.loadState({ tensors: state.tensors['replay'] ?? [], state: saved.replay });
    this.explorer.loadState(saved.explorer);
    this.t = saved.t;
    this.updates = saved.updates;
    [this.averageQ.value, this.averageLoss.value] = saved.averages;
    this.loadOwnState(saved.own);
  }

  /** What a subclass keeps besides. */
  protected ownState(): State {
    return null;
  }

  protected loadOwnState(_state: State): void {}

  [Symbol.dispose](): void {
    const { modules, optimizers } = this.saved();
    for (const optimizer of Object.values(optimizers)) optimizer.dispose();
    for (const module of Object.values(modules)) module.dispose();
  }
}

interface SavedState {
  t: number;
  updates: number;
  averages: [number, number];
  replay: State;
  explorer: State;
  own: State;
}
