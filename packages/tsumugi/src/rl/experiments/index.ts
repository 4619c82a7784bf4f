export { type LoadAgentOptions, type LoadedAgent, loadAgent, readAgentConfig, saveAgent } from './agent-folder.ts';
export type { AgentFolderConfig } from './agent-folder-config.ts';
export { collectDemonstrations, type DemonstrationOptions, loadDemonstrations } from './demonstrations.ts';
export {
  type EvaluateOptions,
  type Evaluation,
  evaluateActor,
  type Summary,
  summarize,
  type WatchedStep,
} from './evaluate.ts';
export { linearInterpolationHook, type StepHook } from './hooks.ts';
export { loadModules } from './modules.ts';
export { type AgentForecast, type PlanAgentOptions, planAgent } from './plan.ts';
export { type RecordOptions, recordEpisodes, requirePicture } from './record.ts';
export { type TrainAgentOptions, type TrainAgentResult, trainAgent } from './train.ts';
export { type RlConfig, type RlInput, rlConfig, type WrapperSetting } from './train-config.ts';
