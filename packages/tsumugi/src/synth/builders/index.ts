export { buildExamples, buildSide, type ExamplesOptions } from './build-examples.ts';
export { type BuildCounts, type BuildOptions, type BuiltRow, buildRows, checkBuilder } from './build-rows.ts';
export { BUILDER_NAMES, BUILDERS } from './builders.ts';
export { forecastBuild } from './forecast.ts';
export type { Described, Passage, ReadingOptions, Translated } from './inputs.ts';
export type { Builder, BuilderContext, Dropped, InputKind, Question, RowKind } from './question.ts';
