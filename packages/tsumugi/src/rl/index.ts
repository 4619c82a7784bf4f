// Deep reinforcement learning: environments, agents, replay, experiments.
export type { Actor, Agent, AgentState, Outcome } from './agent.ts';
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
