// Tensors in files: the safetensors format, single and sharded.
export type { Metadata, StoredCode, TensorInfo } from './header.ts';
export type { Safetensors } from './reader.ts';
export { INDEX_FILE, openSafetensors, WEIGHTS_FILE } from './sharded.ts';
export { type LazyTensor, type NamedTensor, type NamedTensors, writeSafetensors, writeSharded } from './writer.ts';
