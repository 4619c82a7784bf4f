// Spectral-normalization GANs: networks, losses, training, scores.
export { requireFiniteLosses, requireFiniteWeights } from './divergence.ts';
export { MovingAverage } from './ema.ts';
export { forecastGanSpace, forecastGanTime, type Rehearsal, rehearseGan, secondsPerStep } from './forecast.ts';
export { type GradientPenaltyOptions, gradientPenalty } from './gradient-penalty.ts';
export { type AdversarialLoss, type LossName, losses } from './losses.ts';
export { inputGradientNorms, measureGan } from './measure.ts';
export { type Method, type MethodName, methods } from './methods.ts';
export type { GanModelConfig } from './model-config.ts';
export { type LoadGeneratorOptions, loadGenerator, saveGan } from './model-folder.ts';
export * from './networks/index.ts';
export type { GanParts, NetworkMaker, OwnDiscriminator, OwnGenerator } from './parts.ts';
export { type Penalty, type PenaltyInput, type PenaltyName, penalties } from './penalties.ts';
export { type PlanGanOptions, planGan } from './plan.ts';
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
