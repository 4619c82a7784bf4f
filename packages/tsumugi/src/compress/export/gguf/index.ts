export { type ExportGgufConfig, exportGgufConfig, type ImportGgufConfig, importGgufConfig } from './config.ts';
export { type ExportedGguf, type ExportHooks, exportGguf, planExportGguf } from './export-gguf.ts';
export { type GateGgufOptions, gateGguf } from './gate-gguf.ts';
export { type ImportedGguf, type ImportHooks, type ImportPlan, importGguf, planImportGguf } from './import-gguf.ts';
export { gateLimits } from './limits.ts';
export { type GgufPlan, planGguf } from './plan.ts';
export { loadGgufModel } from './read-model.ts';
export { type GgufFileType, ggufFileTypes } from './types.ts';
