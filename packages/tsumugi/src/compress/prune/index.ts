export { type PruneForecast, pruneForecast } from './forecast.ts';
export {
  type PruneOptions,
  type PrunePlan,
  type PruneProgress,
  type PruneResult,
  type PruneRow,
  planPrune,
  prune,
} from './prune.ts';
export { type PruneSettings, type PruneSettingsInput, pruneConfig } from './prune-config.ts';
export { prunedConfig, prunePresets } from './target.ts';
