// Deep reinforcement learning: environments, agents, replay, experiments.
export type { Actor, ActorOptions, Agent, AgentState, Outcome } from './agent.ts';
export type { AgentKind, AgentPlace } from './agents/kind-config.ts';
export { agentKind, agentNames, registerAgent } from './agents/registry.ts';
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
export * from './spaces/index.ts';
