// Low-rank adapters: LoRA, rsLoRA, DoRA over dense and quantized linear maps.

export { loadAdapter, readAdapterConfig, type SaveAdapterOptions, saveAdapter } from './adapter-folder.ts';
export { addLora, loraLayers, mergeLora, placeDropout, seedDropout } from './add.ts';
export { type Coverage, formatCoverage, loraCoverage } from './coverage.ts';
export { LoraLinear, type LoraShape } from './layer.ts';
export { adaptedConfig, adapterHash, baseOf, loadAdapted, requireBase, templateFolder } from './open.ts';
export { checkLora, DEFAULT_ALPHA, DEFAULT_TARGETS, type LoraKind, type LoraOptions, loraKinds } from './options.ts';
export { linearMaps, resolveTargets, type TargetMap, type TargetOptions, targetGroups } from './targets.ts';
