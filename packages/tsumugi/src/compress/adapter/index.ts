// Adapters merged into their base.
export {
  adapterLimit,
  type MergeAdapterForecast,
  type MergeAdapterOptions,
  type MergedAdapter,
  mergeAdapter,
  planMergeAdapter,
} from './merge-adapter.ts';
