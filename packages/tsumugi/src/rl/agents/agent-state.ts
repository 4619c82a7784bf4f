// What of an agent a checkpoint holds: modules, optimizers and streams by name, and what the kind of agent keeps besides.
import { CheckpointError, type RandomStream } from '../../base/index.ts';
import { copyTensors, type Module, namedTensors } from '../../nn/index.ts';
import type { Optimizer, OptimizerState } from '../../optim/index.ts';
import type { State } from '../../store/index.ts';
import { Rng, scope, type Tensor } from '../../torch/index.ts';
import type { AgentState } from '../agent.ts';

export interface AgentParts {
  modules: Readonly<Record<string, Module>>;
  optimizers: Readonly<Record<string, Optimizer>>;
  streams: Readonly<Record<string, Rng | RandomStream>>;
}

/** What the kind of agent keeps besides its parts. */
export interface OwnState {
  /** By group; they may be of the present scope. */
  tensors: Readonly<Record<string, readonly (readonly [string, Tensor])[]>>;
  state: State;
}

interface Saved {
  agent: string;
  steps: Record<string, OptimizerState['steps']>;
  streams: Record<string, State>;
  own: State;
}

/** @param agent the name of its class, which whoever loads it must have, too */
export function agentState(agent: string, { modules, optimizers, streams }: AgentParts, own: OwnState): AgentState {
  const tensors: Record<string, readonly (readonly [string, Tensor])[]> = { ...own.tensors };
  const steps: Record<string, State> = {};
  for (const [name, module] of Object.entries(modules)) tensors[name] = [...namedTensors(module)];
  for (const [name, optimizer] of Object.entries(optimizers)) {
    const state = optimizer.state();
    tensors[name] = Object.entries(state.tensors);
    steps[name] = state.steps;
  }
  const states = Object.fromEntries(Object.entries(streams).map(([name, stream]) => [name, stream.state]));
  return { tensors, state: { agent, steps, streams: states, own: own.state } };
}

/**
 * Puts the parts back, and returns what the kind of agent kept besides.
 *
 * @throws CheckpointError when the state is of another kind of agent, or of other shapes
 */
export function loadAgentState(agent: string, parts: AgentParts, { tensors, state }: AgentState): State {
  const saved = state as unknown as Saved;
  if (saved?.agent !== agent)
    throw new CheckpointError(
      'wrong-agent',
      `the checkpoint is of an agent of kind ${saved?.agent ?? 'unknown'}, this one is ${agent}`,
      { remedy: 'Resume with the kind of agent that the run began with.' },
    );
  scope(() => {
    for (const [name, module] of Object.entries(parts.modules)) {
      const group = new Map(tensors[name] ?? []);
      copyTensors(namedTensors(module), (path) => group.get(path), group.keys());
    }
    for (const [name, optimizer] of Object.entries(parts.optimizers))
      optimizer.loadState({ tensors: Object.fromEntries(tensors[name] ?? []), steps: saved.steps[name] ?? {} });
  });
  for (const [name, stream] of Object.entries(parts.streams))
    if (stream instanceof Rng) stream.state = saved.streams[name] as Uint8Array;
    else stream.state = saved.streams[name] as number[];
  return saved.own;
}
