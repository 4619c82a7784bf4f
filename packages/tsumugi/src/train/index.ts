// Training: one file per kind, one shared loop.
export { checkExtendSettings, checkPretrainSettings, requireIdle } from './check-settings.ts';
export { type Evaluation, evaluateHeldOut } from './evaluate.ts';
export { type ExtendResult, extend } from './extend.ts';
export { type ExtendConfig, type ExtendInput, extendConfig } from './extend-config.ts';
export { keysSeen, type StepShape, trainingFlops } from './flops.ts';
export { type ForecastOptions, forecastTraining, rehearseSteps, type TrainingPhase } from './forecast.ts';
export { forecastMemory, type MemoryForecast } from './memory-forecast.ts';
export { type PretrainResult, pretrain } from './pretrain.ts';
export { evaluateTokensOf, type PretrainConfig, type PretrainInput, pretrainConfig } from './pretrain-config.ts';
export { rehearseRate } from './rate.ts';
export { type AttentionSwitch, attentionLayers, switchAttention } from './switch-attention.ts';
