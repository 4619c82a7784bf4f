export { type Activations, type CollectOptions, collectActivations } from './collect.ts';
export { type ImportanceMatrix, readImportance, writeImportance } from './importance-matrix.ts';
export { calibrationTexts } from './texts.ts';
