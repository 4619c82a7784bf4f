// Spectral-normalization GANs: networks, losses, training, scores, and the images they are trained on.
export { type BatchOptions, type ImageBatch, ImageBatches } from './data/batches.ts';
export { openCifar10 } from './data/cifar10.ts';
export { openFashionMnist } from './data/fashion-mnist.ts';
export { holdOut } from './data/hold-out.ts';
export { type FolderOptions, openImageFolder } from './data/image-folder.ts';
export { defaultDataFolder, type ImageSet, type OpenOptions, padTo, type Split } from './data/image-set.ts';
export { openMnist } from './data/mnist.ts';
export { imageSetNames, openImages } from './data/open-images.ts';
export { requireFinite } from './divergence.ts';
export { MovingAverage } from './ema.ts';
export { forecastGan, type Rehearsal, rehearseGan, secondsPerStep } from './forecast.ts';
export { type GradientPenaltyOptions, gradientPenalty } from './gradient-penalty.ts';
export { type GridOptions, writeImageGrid } from './images/grid.ts';
export { dequantise, toBytes } from './images/scale.ts';
export { type AdversarialLoss, type LossName, losses } from './losses.ts';
export { measureGan, slopes } from './measure.ts';
export { type Method, type MethodName, methods } from './methods.ts';
export type { GanModelConfig } from './model-config.ts';
export { type LoadGeneratorOptions, loadGenerator, saveGan } from './model-folder.ts';
export * from './networks/index.ts';
export {
  type GanRecipe,
  type GanRecipeName,
  ganRecipe,
  ganRecipes,
  type SettingSource,
  settingsOf,
} from './presets.ts';
export { imageSampler, type SamplerOptions, writeSampleGrid } from './sampler.ts';
export * from './scores/index.ts';
export { type OptimizerSetting, resnetSetting, type SettingName, settings } from './settings.ts';
export { singularValues, spectralNorms } from './singular-values.ts';
export { type GanResult, type TrainGanOptions, trainGan } from './train.ts';
export { type GanConfig, type GanInput, ganConfig, optimizerSettings } from './train-config.ts';
export { decayFactor, GanTrainer, type StepLosses } from './trainer.ts';
export type { Discriminator, ImageGenerator } from './types.ts';
export { clipWeights, orthonormalPenalty } from './weight-constraints.ts';
