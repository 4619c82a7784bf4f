// Text: corpora, tokenizers, token shards, batches.

export {
  builtInTemplate,
  CHATML,
  plainTemplate,
  TEMPLATES,
  TRANSLATION_LANGUAGES,
  templateTokens,
} from './chat/built-in.ts';
export {
  atSource,
  type EncodedPrompt,
  encodeAnswer,
  encodeConversation,
  encodePrompt,
  encodeTurns,
  encodeTurnsSteps,
  type KnownAnswer,
} from './chat/conversation.ts';
export {
  completed,
  type Example,
  type ExampleSource,
  type PreferenceExample,
  type RatedExample,
} from './chat/example.ts';
export { COLUMNS, DATA_FORMATS, type DataFormat } from './chat/formats.ts';
export { checkRows, type Loaded, type LoadOptions, loadExamples, loadPairs, loadRated } from './chat/load-examples.ts';
export type { Conversation, Message, Role, Tool } from './chat/message.ts';
export { defaultTemplate, findTemplate, openTemplate, templateStopIds, templatesOf } from './chat/model-template.ts';
export { encodeCompletion, encodePair, encodeRated, type Prompted } from './chat/pairs.ts';
export { type PromptRow, readPrompts } from './chat/prompts.ts';
export { listRowFiles, type Row, type RowFile, readRows } from './chat/read-rows.ts';
export { type DataReport, describeReport } from './chat/report.ts';
export { type ShowOptions, showExample } from './chat/show.ts';
export {
  type ChatTemplate,
  jinjaTemplate,
  type RenderOptions,
  type TemplateTokens,
  templateHash,
} from './chat/template.ts';
export { type SpokenPart, ToolCallParser } from './chat/tools/tool-call-parser.ts';
export { toolFormat } from './chat/tools/tool-format.ts';
export { describedTool, type ToolChoice, toolGrammar } from './chat/tools/tool-grammar.ts';
export { checkExamples } from './check-examples.ts';
export { DigestSet } from './digest-set.ts';
export { embeddedText } from './embedded.ts';
export type { Encoder } from './encoder.ts';
export { parseEncoding } from './encoding/decode.ts';
export { DETECTED_ENCODINGS } from './encoding/detect.ts';
export { EpochOrder } from './epoch-order.ts';
export { bitsPerCharacter, EvaluationBatches, type EvaluationOptions } from './evaluation.ts';
export {
  type ExampleBatch,
  ExampleBatches,
  type ExampleBatchesOptions,
  type ExampleLayout,
  exampleLayouts,
  filledColumns,
  filledOf,
  layOut,
  type PlacedExample,
  shapeOfLayOut,
} from './example-batches.ts';
export * from './grammar/index.ts';
export { halfCharacter, requireWholePairs } from './half-pairs.ts';
export {
  LongBatches,
  type LongPackingOptions,
  type MixtureSource,
  requireLongDocuments,
  type SourceReport,
} from './long-packing.ts';
export { type Manifest, readManifest, type Split, type Totals } from './manifest.ts';
export { emptySplit, PackedBatches, type PackingOptions } from './packing.ts';
export { type JoinOptions, joinParts } from './parts/join-parts.ts';
export { describePart, isPart, type PartManifest, readPart } from './parts/part-manifest.ts';
export { type Part, parsePart, type WantedPart } from './parts/part-of.ts';
export { type PreparedPart, preparePart } from './parts/prepare-part.ts';
export { type Prepared, type PrepareOptions, type PrepareProgress, prepare } from './prepare.ts';
export { COMPRESSED, fileSource, readDecompressed } from './read-bytes.ts';
export { type Batch, IGNORED, makeBatch } from './rows.ts';
export { DEDUP_MEMORY } from './segments/duplicates.ts';
export { HELD_OUT_FRACTION, isHeldOut } from './segments/held-out.ts';
export { type OpenShardsOptions, TokenShards } from './shards.ts';
export { listSourceFiles, listSources, READABLE, type SourceFile, type TextFormat } from './source-files.ts';
export {
  type Corpus,
  type MendedDocuments,
  openCorpus,
  openCorpusPart,
  type ReadOptions,
  readDocuments,
  type SourceRecord,
  type TextDocument,
} from './sources.ts';
export { cleanText, DOCUMENT_CHARACTERS } from './split.ts';
export * from './tokenizer/index.ts';
export { type OpenedTokenizer, openTokenizer, tokenizerContent } from './tokenizer-file.ts';
