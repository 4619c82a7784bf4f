// What is kept on disk: tensors, model folders, checkpoints.

export {
  Artefact,
  type ArtefactContent,
  CONFIG_FILE,
  GENERATION_CONFIG_FILE,
  HashedFiles,
  type JsonObject,
  LINEAGE_FILE,
  type Lineage,
  type Provenance,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  writeArtefact,
} from './artefact/index.ts';
export {
  bestCheckpoint,
  type Checkpoint,
  type CheckpointContent,
  cleanCheckpoints,
  type LatestOptions,
  type LoadedCheckpoint,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  loadLatestCheckpoint,
  pruneCheckpoints,
  type Retention,
  removeCheckpoint,
  type State,
  saveCheckpoint,
  scoreCheckpoint,
} from './checkpoint/index.ts';
export {
  dequantize,
  type Gguf,
  GgufFile,
  type GgufMetadata,
  type GgufScalar,
  type GgufTensor,
  type GgufTensorInfo,
  type GgufType,
  type GgufTyped,
  type GgufValue,
  ggufRowBytes,
  ggufTensorBytes,
  ggufTypeLabel,
  ggufTypeNames,
  ggufTypeOf,
  ggufTypes,
  type QuantizeOptions,
  quantizePieces,
  readGguf,
  type WriteGgufOptions,
  writeGguf,
} from './gguf/index.ts';
export { canonicalJson, type Json, readJson, writeJson } from './json.ts';
export type { WrittenFile } from './output-file.ts';
export { requireWeights } from './require-weights.ts';
export {
  INDEX_FILE,
  type LazyTensor,
  type Metadata,
  type NamedTensor,
  openSafetensors,
  type Safetensors,
  type TensorInfo,
  WEIGHTS_FILE,
  writeSafetensors,
  writeSharded,
} from './safetensors/index.ts';
export { readTar } from './tar.ts';
