// Models in few bits: rounding, GPTQ, AWQ, FP8.
export { awqRatios, clipped, clipShares, searchScale } from './awq.ts';
export { type QuantizedGate, quantizedLimits } from './gate-quantized.ts';
export { type GptqOptions, gptq, Hessian } from './gptq.ts';
export { type KindBits, type MatrixKind, matrixKinds } from './matrices.ts';
export { type QuantizeConfig, type QuantizeConfigInput, quantizeConfig } from './quantize-config.ts';
export {
  planQuantizeModel,
  type QuantizeForecast,
  type QuantizeOptions,
  type QuantizeProgress,
  type QuantizeResult,
  quantizeForecast,
  quantizeModel,
  requireQuantizeText,
} from './quantize-model.ts';
export { type RoundOptions, rounded, roundToNearest } from './round.ts';
