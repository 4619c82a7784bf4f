// Scores of generated images: metrics, feature extractors, protocols.
export { classifierExtractor, saveClassifier } from './classifier-extractor.ts';
export type { DrawImages, ImageSource } from './extract-features.ts';
export type { Extracted, FeatureExtractor, Metric, ScoreNames } from './extractor.ts';
export { type FrechetDistance, frechetDistance, frechetOf, Moments } from './frechet.ts';
export { type ImageScore, scoreJson, scoreText } from './image-score.ts';
export {
  type InceptionKind,
  type InceptionOptions,
  inceptionExtractor,
  inceptionKinds,
} from './inception-extractor.ts';
export { inceptionScore, type MeanAndSpread } from './inception-score.ts';
export { type KidOptions, kernelDistance } from './kid.ts';
export { openNsfwjs } from './nsfwjs.ts';
export { type PrecisionRecall, precisionRecall } from './precision-recall.ts';
export { type Protocol, type ProtocolName, protocols } from './protocol.ts';
export { type Resizer, resizers } from './resize.ts';
export { type MetricGroup, metricGroups, type ScoreOptions, scoreImages } from './score.ts';
export { type TrainClassifierOptions, type TrainedClassifier, trainClassifier } from './train-classifier.ts';
