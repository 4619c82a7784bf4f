// PLaMo 2: config, model, caches, sampling, generation, scoring.
export { Cache, type SavedPoint } from './cache.ts';
export {
  isMamba,
  type Plamo2Config,
  parameterTable,
  parseConfig,
  publishedConfig,
  tensorShapes,
  windowOf,
} from './config.ts';
export { type LoadModelOptions, loadModel, loadTokenizer, type SaveModelOptions, saveModel } from './folder.ts';
export {
  type FinishReason,
  type GenerateOptions,
  type GenerateTextOptions,
  generateIds,
  generateText,
} from './generate.ts';
export { initialWeights } from './init.ts';
export { Plamo2, type WeightSource } from './model.ts';
export { type PresetName, preset, presetNames } from './presets.ts';
export { checkSampling, type SamplingOptions, sample } from './sampling.ts';
export { tokenLogprobs } from './score.ts';
export { type OpenedTokenizer, openTokenizer } from './tokenizer-file.ts';
export type { Batch, ForwardOptions, LanguageModel, LossOptions, LossParts } from './types.ts';
