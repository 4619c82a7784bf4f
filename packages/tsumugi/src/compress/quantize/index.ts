// Models in few bits: rounding, GPTQ, AWQ, FP8.
export { awqRatios, clipped, clipShares, searchScale } from './awq.ts';
export { type BitsCost, chooseBits, type MatrixCosts } from './choose-bits.ts';
export type { ChosenBits } from './chosen-bits.ts';
export { type QuantizedGate, quantizedLimits } from './gate-quantized.ts';
export { type GptqOptions, gptq, Hessian } from './gptq.ts';
export { type KindBitsOrMixed, type MatrixKind, matrixKinds } from './matrices.ts';
export { planQuantizeModel, type QuantizeForecast, quantizeForecast } from './plan.ts';
export { type QuantizeConfig, type QuantizeConfigInput, quantizeConfig } from './quantize-config.ts';
export type { QuantizeProgress } from './quantize-layers.ts';
export { type QuantizeOptions, type QuantizeResult, quantizeModel } from './quantize-model.ts';
export { requireQuantizeText } from './require-text.ts';
export { type RoundOptions, rounded, roundToNearest } from './round.ts';
export {
  type MatrixSensitivity,
  quantizationSensitivity,
  type Sensitivity,
  type SensitivityOptions,
} from './sensitivity.ts';
