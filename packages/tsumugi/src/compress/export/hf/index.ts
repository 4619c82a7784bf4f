// Folders for the Hugging Face Hub.
export { type ExportHfResult, exportHf } from './export-hf.ts';
export type { CardEvaluation } from './model-card.ts';
export { type ExportHfOptions, type ExportHfPlan, planExportHf } from './plan.ts';
