// Deep reinforcement learning: environments, agents, replay, experiments.
export type { Actor, ActorOptions, Agent, AgentState, Outcome } from './agent.ts';
export type { AgentKind, AgentPlace } from './agents/kind-config.ts';
export { agentKind, agentNames, registerAgent } from './agents/registry.ts';
export * from './distributions/index.ts';
export type {
  Action,
  ActionLike,
  Environment,
  Frame,
  Info,
  Observation,
  ResetOptions,
  ResetResult,
  StepResult,
} from './environment.ts';
export * from './networks/index.ts';
export { NumpyRandom, type Pcg64State } from './random/numpy-random.ts';
export {
  type EnvironmentOptions,
  environmentIds,
  type Family,
  makeEnvironment,
  type Registration,
  registerEnvironment,
} from './registry.ts';
export * from './spaces/index.ts';
export { OrderEnforcing } from './wrappers/order-enforcing.ts';
export { TimeLimit } from './wrappers/time-limit.ts';
export { unwrapped, Wrapper } from './wrappers/wrapper.ts';
