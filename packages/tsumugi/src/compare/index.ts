// Reports of any run, and runs beside each other: pages, text, CSV, TensorBoard's event files.
export { type Comparison, compareRuns, type RunGroupSummary } from './comparison.ts';
export { comparisonJson, comparisonPage, comparisonText } from './comparison-report.ts';
export { curvesCsv } from './csv.ts';
export { type RunSummary, readRun } from './read-run.ts';
export { runJson, runPage, runText } from './run-report.ts';
export { eventFile, writeEventFile } from './tensorboard.ts';
