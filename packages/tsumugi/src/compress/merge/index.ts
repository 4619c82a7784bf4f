// Merging models, as mergekit does.
export { type MergedGate, mergedLimit } from './gate-merged.ts';
export { type MergeConfig, type MergeConfigInput, mergeConfig } from './merge-config.ts';
export {
  checkMergeModels,
  forecastMerge,
  type MergeForecast,
  type MergeModelsOptions,
  type MergeOptions,
  type MergeProgress,
  type MergeResult,
  mergeModels,
  planMergeModels,
} from './merge-models.ts';
export { type MergeTensorsOptions, mergeTensors } from './merge-tensors.ts';
export { type MergeMethodName, mergeMethodNames } from './methods/index.ts';
export type { ParameterValue, ParameterValues } from './methods/method.ts';
export { paretoFront, type Score } from './pareto.ts';
export { type PlanSearchOptions, planSearchMerges, type SearchPlan } from './plan-search.ts';
export { type SearchOptions, type SearchResult, searchMerges } from './search-merges.ts';
export { type Candidate, type Choice, candidatesOf, parseSearchSpace, type SearchSpace } from './search-space.ts';
