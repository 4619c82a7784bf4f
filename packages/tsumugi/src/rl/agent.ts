// What an agent is: it acts in some environments at a time, is told what came of it, and learns when it is due.
import type { Module } from '../nn/index.ts';
import type { State } from '../store/index.ts';
import type { Tensor } from '../torch/index.ts';
import type { SharedParts } from './agents/shared-parts.ts';
import type { Action, Observation } from './environment.ts';

/** What came of an action. */
export interface Outcome {
  reward: number;
  /** After the step; at the end of an episode its last one, not the first of the next. */
  next: Observation;
  /** Nothing follows: there is nothing to bootstrap from. */
  terminated: boolean;
  /** Cut off: the value of `next` still counts. The next observation that the agent acts on begins an episode. */
  truncated: boolean;
}

/** Chooses actions and learns nothing. A recurrent one remembers each environment's episode. */
export interface Actor extends Disposable {
  /** One action for each of the observations, which are those of environment 0, 1, … */
  act(observations: readonly Observation[]): Action[];
  /** The episode of environment `i` is over. */
  reset(i: number): void;
}

/** Everything that a resumed run needs to go on bit for bit, as a checkpoint takes it. */
export interface AgentState {
  /** By group, e.g. "network", "target", "optimizer", "replay"; then by path. */
  tensors: Readonly<Record<string, readonly (readonly [string, Tensor])[]>>;
  /** Counters, random streams, optimizer steps. */
  state: State;
}

export interface ActorOptions {
  /** Takes the likeliest action where a policy would draw one. Left out: as the agent's settings say. */
  deterministic?: boolean | undefined;
  /** Of what it draws. An actor has a stream of its own: it must not move the agent's. */
  seed?: number | undefined;
}

export interface Agent extends Disposable {
  /** By name, at least those that an actor computes with: the folder of an agent keeps their weights and buffers. */
  readonly networks: Readonly<Record<string, Module>>;
  /** In training: one action for each environment's observation, with exploration. */
  act(observations: readonly Observation[]): Action[];
  /** What came of the actions that `act` gave last, in their order. Updates happen here, as often as they are due. */
  observe(outcomes: readonly Outcome[]): void;
  /** For evaluation: without exploration, with the weights as they are at each call. */
  actor(options?: ActorOptions): Actor;
  /**
   * The episode of environment `i` is lost half-way: what was observed of it stays, as if it had been truncated there, and the
   * next observation begins another. (A run goes on whose environment could not be saved.)
   */
  abandon(i: number): void;
  /** The field's figures of the last updates by name, e.g. `loss`, `average_q`, `entropy`: for logs and `scores.txt`. */
  statistics(): Readonly<Record<string, number>>;
  state(): AgentState;
  /** @throws CheckpointError when the state is of another kind of agent, or of other shapes */
  loadState(state: AgentState): void;
}

/**
 * An agent whose weights others train, too, each in a thread and in environments of its own, as A3C's workers do. The one that shares
 * has the weights; those that follow have copies, which each of their updates brings up to date.
 */
export interface SharedAgent extends Agent {
  /** Steps of all threads together, by which schedules go: whoever runs it sets it before `observe`. */
  steps: number;
  share(): SharedParts;
  /** @throws CheckpointError when it is of an agent with other networks */
  follow(shared: SharedParts): void;
}
