// A run: its folder, its events, its progress on the terminal, how it ends. A recipe: stages, their artefacts, the report.
export { toJson } from './changes.ts';
export { codeCommit } from './commit.ts';
export { type Curve, readCurves } from './curves.ts';
export { EventLog, type NewEvent } from './event-log.ts';
export {
  type CheckpointEvent,
  type EndEvent,
  type EvaluationEvent,
  type Figure,
  type RunEvent,
  readEvents,
  type SampleEvent,
  type StageEvent,
  type StartEvent,
  type StepEvent,
  type WarningEvent,
} from './events.ts';
export { type RecipeOutcome, type RunRecipeOptions, runRecipe } from './execute.ts';
export { RunFolder } from './folder.ts';
export { type Forecast, forecastMemory, forecastSeconds, formatForecast, requireFits } from './forecast.ts';
export {
  displayWidth,
  fitWidth,
  formatBytes,
  formatCount,
  formatDuration,
  formatInteger,
  formatNumber,
} from './format.ts';
export { inputAt, type RunInput, type RunInputs } from './inputs.ts';
export { Interrupt, Interrupted, unlessInterrupted } from './interrupt.ts';
export { asJson, openRun } from './open-run.ts';
export { Progress, type ProgressOptions, type ProgressStream, type ProgressUpdate } from './progress.ts';
export { Rate } from './rate.ts';
export { defineRecipe, type Recipe } from './recipe.ts';
export { availableDisk } from './recipe-folder.ts';
export type { RecipeReport, ReportState, ReportStep } from './report.ts';
export { formatFigure, formatReport } from './report-table.ts';
export { figure, type Grid, gridSchema, type StageFigure, type Table } from './results.ts';
export { curveLine, sparkline } from './sparkline.ts';
export {
  defineStage,
  type ForecastContext,
  type Given,
  given,
  type Input,
  type InputKinds,
  type InputsOf,
  type Source,
  type Stage,
  type StageContext,
  type StageOutcome,
  type StageSpec,
  type Step,
  type Uses,
} from './stage.ts';
export type { Resource, StepForecast } from './step-forecast.ts';
export { withDefaults } from './with-defaults.ts';
