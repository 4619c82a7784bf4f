// Adapters merged into their base.
export { adapterLimit, type MergeAdapterOptions, type MergedAdapter, mergeAdapter } from './merge-adapter.ts';
