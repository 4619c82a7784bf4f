export { type BuiltIn, builtIns, sequences } from './built-in.ts';
export { checkPipeline, pipelineFiles } from './check-pipeline.ts';
export { filterConfigs, type PipelineConfig, type PipelineSettings, pipelineConfig } from './pipeline-config.ts';
export type { PipelineProgress, PipelineRun } from './pipeline-run.ts';
export { type PipelinePlan, type PlanOptions, planPipeline } from './plan-pipeline.ts';
export { type PipelineFile, readPipelineFile } from './read-pipeline.ts';
export { asksOnly, runPipeline } from './run-pipeline.ts';
export { requireExamples, type StepReport, type SynthReport } from './synth-report.ts';
