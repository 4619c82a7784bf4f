// A recipe: stages, the plan of what is to be made, their records, the report.
export { type RecipeOutcome, type RunRecipeOptions, runRecipe } from './execute.ts';
export { renderReport } from './html/index.ts';
export { defineRecipe, type Recipe } from './recipe.ts';
export type { RecipeReport, ReportState, ReportStep } from './report.ts';
export { formatReport } from './report-table.ts';
export { type Heatmap, heatmapSchema, metric, type StageMetric, type Table } from './results.ts';
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
export { type PointOf, type SweepPoint, sweep } from './sweep.ts';
export type { SweepReport, SweepRow } from './sweep-report.ts';
export { withDefaults } from './with-defaults.ts';
