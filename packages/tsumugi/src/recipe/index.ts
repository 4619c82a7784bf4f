// A recipe: stages, the plan of what is to be made, their records, the report.
export { type DryRunOptions, dryRunRecipe } from './dry-run.ts';
export { type RecipeOutcome, type RunRecipeOptions, runRecipe } from './execute.ts';
export { renderReport } from './html/index.ts';
export type { Origin } from './origin.ts';
export { defineRecipe, type Recipe } from './recipe.ts';
export { artefactFolder } from './record.ts';
export type { RecipeReport, ReportStage, ReportState } from './report.ts';
export { formatReport } from './report-table.ts';
export {
  type Heatmap,
  heatmapSchema,
  type MetricSpread,
  metric,
  metricSpreads,
  type StageMetric,
  type Table,
} from './results.ts';
export { pathsOf } from './source-paths.ts';
export {
  defineStage,
  type ForecastContext,
  given,
  type Input,
  type InputKinds,
  type InputsOf,
  type RecipeStage,
  type Source,
  type StageContext,
  type StageDefinition,
  type StageInput,
  type StageOutcome,
  type StageSpec,
  type Uses,
} from './stage.ts';
export type { Resource, StageForecast } from './stage-forecast.ts';
export { type PointOf, type SweepPoint, sweep } from './sweep.ts';
export type { SweepReport, SweepRow } from './sweep-report.ts';
export { withDefaults } from './with-defaults.ts';
