// Folders for the Hugging Face Hub.
export { type ExportHfOptions, type ExportHfPlan, type ExportHfResult, exportHf, planExportHf } from './export-hf.ts';
export type { CardEvaluation } from './model-card.ts';
