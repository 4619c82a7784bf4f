// Module tree, layers, initialisers, losses, and the gradient check.
export * from './activations.ts';
export { BatchNorm, type BatchNormOptions } from './batch-norm.ts';
export { Conv1d, Conv2d, type ConvOptions, ConvTranspose2d, type ConvTransposeOptions } from './conv.ts';
export {
  countNotFinite,
  type Diagnosis,
  describeDiagnosis,
  describeNotFinite,
  diagnose,
  type NotFinite,
} from './diagnose.ts';
export { Dropout, dropout } from './dropout.ts';
export { faultyRow, requireFiniteRows } from './finite-rows.ts';
export { freeze, namedTrainable, numTrainable, trainable } from './freeze.ts';
export * from './functional/index.ts';
export { type GradcheckOptions, gradcheck } from './gradcheck.ts';
export * from './initializers.ts';
export { applyLayer, type Layer, Sequential, type UnaryModule } from './layer.ts';
export { LayerNorm, type LayerNormOptions } from './layer-norm.ts';
export { Embedding, type EmbeddingOptions, Linear } from './linear.ts';
export { bceWithLogits, huber, mse, type Reduction, smoothL1 } from './losses.ts';
export * from './module.ts';
export { GRU, LSTM, type LSTMState, type RecurrentOptions } from './recurrent.ts';
export { RMSNorm, type RMSNormOptions } from './rms-norm.ts';
export { SpectralNorm, type SpectralNormOptions, spectralNorm } from './spectral-norm.ts';
export { WeightNorm, weightNorm } from './weight-norm.ts';
export { WeightedLayer, type WeightNormalization, type WeightOptions, weightedLayers } from './weights.ts';
