// Fused functions of tensors, each with its plain twin.
export {
  type CrossEntropyOptions,
  crossEntropy,
  type LinearCrossEntropy,
  type LinearCrossEntropyOptions,
  linearCrossEntropy,
  logitsCrossEntropy,
} from './cross-entropy.ts';
export {
  type DistillationOptions,
  distillationLoss,
  type TopK,
  topKOf,
} from './distillation.ts';
export { type Divergence, divergences } from './divergence.ts';
export { castLinear } from './linear.ts';
export {
  distillationChunk,
  type LinearDistillationOptions,
  linearDistillation,
  type TeacherRows,
} from './linear-distillation.ts';
export { type AffineMap, type MlpActivation, mlp, mlpPlain } from './mlp.ts';
export { type RmsNormOptions, rmsNorm, rmsNormAdd, rmsNormPlain } from './rms-norm.ts';
export { independentRows, rowsAreIndependent, rowsLinear, rowsLinearPlain } from './rows-linear.ts';
export { swiglu, swigluPlain } from './swiglu.ts';
