// Merging models, as mergekit does.
export { forecastMerge, type MergeForecast, planMergeModels } from './forecast.ts';
export { type MergedGate, mergedLimit } from './gate-merged.ts';
export { type MergeConfig, type MergeConfigInput, mergeConfig } from './merge-config.ts';
export {
  checkMergeModels,
  type MergeModelsOptions,
  type MergeProgress,
  type MergeResult,
  mergeModels,
} from './merge-models.ts';
export { type MergeTensorsOptions, mergeTensors } from './merge-tensors.ts';
export { type MergeMethodName, mergeMethodNames } from './methods/index.ts';
export type { ParameterValue, ParameterValues } from './methods/method.ts';
export type { MergeOptions } from './open-merge.ts';
export { paretoFront, type Score } from './pareto.ts';
export { type PlanSearchOptions, planSearchMerges, type SearchPlan } from './plan-search.ts';
export { type SearchOptions, type SearchResult, searchMerges } from './search-merges.ts';
export { type Candidate, type Choice, candidatesOf, parseSearchSpace, type SearchSpace } from './search-space.ts';
