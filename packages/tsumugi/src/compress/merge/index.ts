// Merging models, as mergekit does.
export { type MergeTensorsOptions, mergeTensors } from './merge-tensors.ts';
export { type MergeMethodName, mergeMethodNames } from './methods/index.ts';
export type { ParameterValue, ParameterValues } from './methods/method.ts';
