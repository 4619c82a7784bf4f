// Spectral-normalization GANs: networks, losses, scores, and the images they are trained on.
export { type BatchOptions, type ImageBatch, ImageBatches } from './data/batches.ts';
export { openCifar10 } from './data/cifar10.ts';
export { openFashionMnist } from './data/fashion-mnist.ts';
export { type FolderOptions, openImageFolder } from './data/image-folder.ts';
export { defaultDataFolder, type ImageSet, type OpenOptions, padTo, type Split } from './data/image-set.ts';
export { openMnist } from './data/mnist.ts';
export { imageSetNames, openImages } from './data/open-images.ts';
export { type GradientPenaltyOptions, gradientPenalty } from './gradient-penalty.ts';
export { type GridOptions, writeImageGrid } from './images/grid.ts';
export { dequantise, toBytes } from './images/scale.ts';
export { type AdversarialLoss, type LossName, losses } from './losses.ts';
export { type Method, type MethodName, methods } from './methods.ts';
export * from './networks/index.ts';
export { type OptimizerSetting, resnetSetting, type SettingName, settings } from './settings.ts';
export { singularValues, spectralNorms } from './singular-values.ts';
export type { Discriminator, ImageGenerator } from './types.ts';
export { clipWeights, orthonormalPenalty } from './weight-constraints.ts';
