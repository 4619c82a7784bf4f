// Tensors in files: the safetensors format, single and sharded.
export type { Metadata, StoredCode, TensorInfo } from './header.ts';
export { readPieces } from './read-pieces.ts';
export { noSuchTensor, type Safetensors } from './reader.ts';
export { INDEX_FILE, isShard, openSafetensors, WEIGHTS_FILE } from './sharded.ts';
export {
  cutIntoShards,
  DEFAULT_SHARD_BYTES,
  type LazyTensor,
  type NamedTensor,
  type NamedTensors,
  shardedSteps,
  writeSafetensors,
  writeSharded,
} from './writer.ts';
