// Fused functions of tensors, each with its plain twin.
export {
  type CrossEntropyOptions,
  crossEntropy,
  type LinearCrossEntropy,
  type LinearCrossEntropyOptions,
  linearCrossEntropy,
  logitsCrossEntropy,
} from './cross-entropy.ts';
export { castLinear } from './linear.ts';
export { type RmsNormOptions, rmsNorm, rmsNormAdd, rmsNormPlain } from './rms-norm.ts';
export { swiglu, swigluPlain } from './swiglu.ts';
