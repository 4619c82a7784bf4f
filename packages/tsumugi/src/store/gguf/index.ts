export { dequantize, type QuantizeOptions, quantizePieces } from './codec.ts';
export { type Gguf, type GgufScalar, type GgufValue, readGguf } from './reader.ts';
export { GgufFile, type GgufTensorInfo } from './tensors.ts';
export {
  type GgufType,
  ggufTensorBytes,
  ggufTypeLabel,
  ggufTypeNames,
  ggufTypeOf,
  ggufTypes,
  unreadType,
} from './types.ts';
export {
  type GgufMetadata,
  type GgufTensor,
  type GgufTyped,
  type WriteGgufOptions,
  writeGguf,
} from './writer.ts';
