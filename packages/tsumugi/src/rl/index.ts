// Deep reinforcement learning: environments, agents, replay, experiments.

export * from './action-values/index.ts';
export type { Actor, ActorOptions, Agent, AgentState, Outcome } from './agent.ts';
export { type AdvantageLearningOptions, AL, DoublePAL, PAL } from './agents/advantage-learning.ts';
export { CategoricalDoubleDQN, CategoricalDQN } from './agents/categorical-dqn.ts';
export { DDPG, type DDPGOptions } from './agents/ddpg.ts';
export { DoubleDQN } from './agents/double-dqn.ts';
export { DPP, DPPGreedy, DPPL, type DPPOptions } from './agents/dpp.ts';
export { DQN, type DQNOptions } from './agents/dqn.ts';
export { dqnKind } from './agents/dqn-config.ts';
export * from './agents/index.ts';
export { DoubleIQN, IQN, type IQNOptions } from './agents/iqn.ts';
export type { AgentKind, AgentPlace } from './agents/kind-config.ts';
export { NSQ, type NSQOptions } from './agents/nsq.ts';
export { type BatchLoss, QAgent, type QAgentOptions } from './agents/q-agent.ts';
export { RecurrentDDPG, type RecurrentDDPGOptions } from './agents/recurrent-ddpg.ts';
export { agentKind, agentNames, registerAgent } from './agents/registry.ts';
export { ReplayAgent, type ReplayAgentOptions } from './agents/replay-agent.ts';
export { ResidualDQN, type ResidualDQNOptions } from './agents/residual-dqn.ts';
export { SAC, type SACOptions } from './agents/sac.ts';
export { sacKind } from './agents/sac-config.ts';
export type { Samples } from './agents/samples.ts';
export { SARSA } from './agents/sarsa.ts';
export { TD3, type TD3Options } from './agents/td3.ts';
export { td3Kind } from './agents/td3-config.ts';
export type { AgentVariant } from './agents/variant-config.ts';
export { type CheckOptions, checkEnvironment, environmentFaults } from './check/check-environment.ts';
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
export { NesEnvironment, type NesGame } from './environments/nes/nes.ts';
export * from './experiments/index.ts';
export * from './explorers/index.ts';
export * from './networks/index.ts';
export { ObservationInput, type ObservationRows } from './observation-input.ts';
export { type RlPreset, rlPreset, rlPresets, settingsOfPreset } from './presets/index.ts';
export { NumpyRandom, type Pcg64State } from './random/numpy-random.ts';
export {
  type EnvironmentOptions,
  environmentIds,
  type Family,
  makeEnvironment,
  type Registration,
  registerEnvironment,
} from './registry.ts';
export * from './replay/index.ts';
export * from './spaces/index.ts';
export * from './vector/index.ts';
export * from './wrappers/index.ts';
