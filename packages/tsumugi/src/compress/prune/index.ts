export { type PruneForecast, pruneForecast } from './forecast.ts';
export {
  type PruneOptions,
  type PrunePlan,
  type PruneProgress,
  type PruneResult,
  type PruneRow,
  type PruneTable,
  planPrune,
  prune,
  pruneTable,
} from './prune.ts';
export { type PruneSettings, type PruneSettingsInput, pruneConfig } from './prune-config.ts';
export { prunedConfig, prunePresets } from './target.ts';
