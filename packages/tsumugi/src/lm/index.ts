// PLaMo 2: config, model, caches, sampling, generation, scoring.
export { type BatchScoreOptions, compareIds, type Scored, type ScoreRequest, scoreBatch } from './batch-score.ts';
export { Block, normOffset } from './block.ts';
export { Cache, type CacheOwner, type SavedPoint } from './cache.ts';
export { cacheBytes } from './cache-bytes.ts';
export {
  generationConfigOf,
  isMamba,
  type Plamo2Config,
  parseConfig,
  publishedConfig,
  ropeBaseOf,
  windowOf,
} from './config.ts';
export { Grammars, type GrammarsOptions } from './constraint/grammars.ts';
export type { TokenConstraint } from './constraint/token-constraint.ts';
export { dequantizeModel } from './dequantize.ts';
export { embedIds } from './embed-ids.ts';
export { type CachedReason, cachedReasons } from './engine/cached-reason.ts';
export type { EngineCounters } from './engine/counters.ts';
export { Engine, type Job } from './engine/engine.ts';
export type { EngineOptions } from './engine/engine-options.ts';
export type { TokenLogprobs } from './engine/logprobs.ts';
export type { EngineRequest, FinishReason, GenerateOptions, Timings, Usage } from './engine/request.ts';
export { roomFor } from './engine/room-for.ts';
export { type SampleAnswersOptions, type SampledAnswer, sampleAnswers } from './engine/sample-answers.ts';
export type { StoredSnapshots } from './engine/snapshot-files.ts';
export { accept } from './engine/speculation/acceptance.ts';
export { Draft, type DraftOptions } from './engine/speculation/draft.ts';
export { PromptLookup, type PromptLookupOptions } from './engine/speculation/prompt-lookup.ts';
export type { Proposer } from './engine/speculation/proposer.ts';
export {
  endIds,
  type GenerateIdsOptions,
  type GenerateTextOptions,
  type Listener,
  textRequest,
} from './engine/text-request.ts';
export {
  type LoadModelOptions,
  loadModel,
  loadTokenizer,
  readModelConfig,
  type SaveModelOptions,
  saveModel,
} from './folder.ts';
export { generateIds, generateText } from './generate.ts';
export { idsRow } from './ids-row.ts';
export { initialWeights } from './init.ts';
export { layerOf, layerPath, withinLayer } from './layer-path.ts';
export {
  importLibrary,
  type LlamaLibrary,
  type LlamaModel,
  libraryVersion,
  startLlama,
  type TemplateText,
  type Token,
} from './llama-cpp/library.ts';
export { GgufModel, type GgufModelOptions } from './llama-cpp/model.ts';
export { type LogitNorms, logitNorms } from './logit-norms.ts';
export * from './lora/index.ts';
export { buildBlock, Plamo2, type WeightHolder, type WeightSource } from './model.ts';
export { CacheFull } from './paged/cache-full.ts';
export { CachePool, type CachePoolOptions } from './paged/cache-pool.ts';
export { type DecodeRow, decodeRows, readOn, readPiece } from './paged/decode-rows.ts';
export { PagedSequence } from './paged/paged-sequence.ts';
export { loadSequence, type SavedTensor, saveSequence } from './paged/saved-sequence.ts';
export { checkModelChanges, type PresetName, preset, presetNames } from './presets.ts';
export { promptLogprobs } from './prompt-logprobs.ts';
export { QuantizedLinear } from './quantized-linear.ts';
export { requireDense } from './quantized-weights.ts';
export * from './reward/index.ts';
export { type RopeSource, RopeTables } from './rope-tables.ts';
export { checkSampling, type Logits, NOT_FINITE, type SamplingOptions, sample } from './sampling.ts';
export { tokenLogprobs } from './score.ts';
export { scoreText, type TextScore } from './score-text.ts';
export { sharingWeights } from './shared-weights.ts';
export { type StreamTextOptions, streamText } from './stream.ts';
export { type TargetLogprobs, targetLogprobs } from './target-logprobs.ts';
export { dtRank, mambaWidth, paddedVocabulary, parameterTable, tensorShapes } from './tensor-shapes.ts';
export { TextStream } from './text-stream.ts';
export type { Batch, ForwardOptions, LanguageModel, LossOptions, LossParts } from './types.ts';
