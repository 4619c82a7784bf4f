// Weights of few bits: layouts of their tensors, and what config.json says of them.
export { type AwqTensors, packAwq, unpackAwq } from './awq.ts';
export { type CodeBits, codesPerWord, fromCodes, type QuantizedCodes } from './codes.ts';
export { dequantizeStored, type StoredTensors, type StoredWeight, storedShapes } from './dequantize.ts';
export { type Fp8Tensors, fromFp8, packFp8, toFp8, unpackFp8 } from './fp8.ts';
export { type GptqTensors, packGptq, unpackGptq } from './gptq.ts';
export {
  type QuantizationConfig,
  type QuantizationSummary,
  type QuantizedLayout,
  quantizationOf,
  renderQuantization,
} from './quantization-config.ts';
