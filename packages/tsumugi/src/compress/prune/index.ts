export { type PruneForecast, pruneForecast } from './forecast.ts';
export type { PruneOptions, PruneProgress, PruneRow, PruneTable } from './prepare.ts';
export { type PrunePlan, type PruneResult, planPrune, prune, pruneTable } from './prune.ts';
export { type PruneSettings, type PruneSettingsInput, pruneConfig } from './prune-config.ts';
export { prunedConfig, prunePresets } from './target.ts';
