// Training: one file per kind, one shared loop.
export type { AfterStep, StepDone } from '../loop/index.ts';
export { type AdapterConfig, adapterSettings, checkAdapterSettings } from './adapter-config.ts';
export { openChat } from './chat-data.ts';
export { checkDistillSettings } from './check-distill.ts';
export { checkDpoSettings } from './check-dpo.ts';
export { checkGrpoSettings } from './check-grpo.ts';
export { checkRewardSettings } from './check-reward.ts';
export { checkExtendSettings, checkPretrainSettings, requireIdle, requireModelMade } from './check-settings.ts';
export { checkSftSettings } from './check-sft.ts';
export { type DistillOptions, type DistillResult, distill } from './distill.ts';
export { type DistillConfig, type DistillInput, distillConfig } from './distill-config.ts';
export type { DistillEvaluation } from './distill-evaluate.ts';
export { teacherFactor, teacherMemory } from './distill-forecast.ts';
export { type DpoOptions, type DpoResult, dpo } from './dpo.ts';
export {
  DEFAULT_DPO_EPOCHS,
  type DpoConfig,
  type DpoInput,
  dpoConfig,
  dpoMayChange,
  stepWork,
} from './dpo-config.ts';
export { type Evaluation, evaluateHeldOut } from './evaluate.ts';
export { type ExampleEvaluation, evaluateExamples } from './evaluate-examples.ts';
export { ExampleSteps } from './example-steps.ts';
export { type ExtendResult, extend } from './extend.ts';
export { type ExtendConfig, type ExtendInput, extendConfig } from './extend-config.ts';
export { keysSeen, modelFlops, type StepShape, trainingFlops } from './flops.ts';
export { forecastSpace, forecastTime, rehearseSteps, type TrainingPhase, trainingSpace } from './forecast.ts';
export { partBeside } from './freeze-paths.ts';
export type { AnswerScorer, AnswerToScore } from './grpo/answer-scorer.ts';
export type { PolicyEvaluation } from './grpo/evaluate-policy.ts';
export { type GrpoLossOptions, grpoLoss } from './grpo/grpo-loss.ts';
export { openPromptData } from './grpo/prompt-data.ts';
export { type GrpoOptions, type GrpoResult, grpo } from './grpo.ts';
export {
  DEFAULT_GRPO_EPOCHS,
  type GrpoConfig,
  type GrpoInput,
  grpoConfig,
  grpoMayChange,
} from './grpo-config.ts';
export { knownRate, rateOf } from './known-rates.ts';
export { type LogitsConfig, type LogitsInput, logitsConfig } from './logits-config.ts';
export { heldOutBatchesOf, logitsSpace, logitsTime } from './logits-forecast.ts';
export { type LossFunction, type LossSums, nextTokenLoss } from './loss-function.ts';
export { forecastMemory, type MemoryForecast } from './memory-forecast.ts';
export type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
export type { TrainingOptimizer, TrainingParts } from './parts.ts';
export {
  type PlanOptions,
  planDistill,
  planDpo,
  planExtend,
  planGrpo,
  planModel,
  planPretrain,
  planReward,
  planSft,
} from './plan-model.ts';
export { type LogitsOptions, type LogitsResult, planPrecomputeLogits, precomputeLogits } from './precompute-logits.ts';
export * from './preference/index.ts';
export { openPairs, openRated } from './preference/preference-data.ts';
export { type PretrainResult, pretrain } from './pretrain.ts';
export {
  evaluateTokensOf,
  type PretrainConfig,
  type PretrainInput,
  pretrainConfig,
  pretrainMayChange,
} from './pretrain-config.ts';
export { type RateOptions, rehearseRate } from './rate.ts';
export { type RewardEvaluation, type RewardOptions, type RewardResult, reward } from './reward.ts';
export {
  DEFAULT_REWARD_EPOCHS,
  type RewardConfig,
  type RewardInput,
  rewardConfig,
  rewardMayChange,
} from './reward-config.ts';
export { type Machine, type MachineName, machines } from './scale/machines.ts';
export { type RankCompute, type RankMemory, rankBytes, rankMemory } from './scale/rank-memory.ts';
export { type RankShape, type Ranks, rankShape, type Shard, shards } from './scale/ranks.ts';
export { forecastScale, type ScaleConfig, type ScaleForecast, scaleConfig } from './scale/scale-config.ts';
export { forecastShards, leastCut, type RankMachine, type ShardForecast } from './scale/shard-forecasts.ts';
export { spaceOverRanks } from './scale/space-over-ranks.ts';
export { type ClusterRates, collectiveSeconds, type LinkRate, type StepTime, stepTime } from './scale/step-time.ts';
export { type Collective, type CollectiveKind, ringBytes, stepCollectives, wireBytes } from './scale/wire.ts';
export { type SftResult, sft } from './sft.ts';
export {
  DEFAULT_EPOCHS,
  type SftConfig,
  type SftInput,
  sftConfig,
  sftMayChange,
} from './sft-config.ts';
export { openSftData, readSftExamples } from './sft-data.ts';
export { sftLoss } from './sft-loss.ts';
export { type StepBatch, stepGradients } from './step-gradients.ts';
export { type AttentionSwitch, attentionLayers, switchAttention } from './switch-attention.ts';
export { trainModel } from './train-model.ts';
export type { TrainedPart } from './trained-part.ts';
export { DEFAULT_HELD_OUT } from './tuning-config.ts';
export { type Adapters, adaptersOf, loraOptionsOf, withAdapters } from './with-adapters.ts';
