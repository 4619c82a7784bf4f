export { dequantize, type QuantizeOptions, quantizePieces } from './codec.ts';
export { type Gguf, type GgufScalar, type GgufValue, readGguf } from './reader.ts';
export { type GgufType, ggufRowBytes, ggufTypeLabel, ggufTypeNames, ggufTypeOf, ggufTypes } from './types.ts';
