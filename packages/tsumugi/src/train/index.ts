// Training: one file per kind, one shared loop.
export { type Evaluation, evaluateHeldOut } from './evaluate.ts';
export { forecastMemory, type MemoryForecast } from './forecast.ts';
export { isTrained, type PretrainResult, pretrain } from './pretrain.ts';
export { type PretrainConfig, type PretrainInput, pretrainConfig } from './pretrain-config.ts';
