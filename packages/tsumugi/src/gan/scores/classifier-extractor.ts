// A trained classifier as a model folder, and as the feature extractor of "CIFAR-FD", "CIFAR-IS" and the like.

import { type ImageSet, imagesHash } from '../../images/index.ts';
import { loadTensors, namedTensors } from '../../nn/index.ts';
import { Artefact, type Lineage, requireWeights, writeArtefact } from '../../store/index.ts';
import { type Device, factoryDevice, noGrad, Rng, scope } from '../../torch/index.ts';
import { ImageClassifier, leastClassifierWeights } from './classifier.ts';
import { CLASSIFIER_TYPE, type ClassifierConfig, classifierConfigSchema } from './classifier-config.ts';
import { classifierNames, type FeatureExtractor, pixelRules, toInput } from './extractor.ts';
import type { Resizer } from './resize.ts';
import type { TrainedClassifier } from './train-classifier.ts';

/** Writes the folder: config.json, model.safetensors, lineage.json. Replaces a model folder that is there. */
export function saveClassifier(folder: string, trained: TrainedClassifier, train: ImageSet, test: ImageSet): Lineage {
  const { classifier, settings, accuracy } = trained;
  const config: ClassifierConfig = {
    model_type: CLASSIFIER_TYPE,
    dataset: train.name,
    channels: train.channels as 1 | 3,
    image_size: [train.height, train.width],
    num_classes: classifier.fc.weight.size(0),
    widths: [...settings.widths],
    test_accuracy: accuracy,
    test_images: test.count,
  };
  return writeArtefact(folder, {
    config,
    tensors: namedTensors(classifier),
    lineage: {
      stage: 'image-classifier',
      seed: settings.seed,
      config: { ...settings, widths: [...settings.widths] },
      data: [train, test].map((set) => ({ name: `${set.source} ${set.split}`, sha256: imagesHash(set) })),
    },
  });
}

/** "CIFAR" for CIFAR-10: what stands before the dash of its scores. */
const prefix = (dataset: string): string => dataset.replace(/-10$/, '');

/**
 * @param options `resizer`: `none` when left out, so that images of another size are refused
 * @throws DataError, FormatError, CheckpointError when the folder holds no classifier of ours
 */
export async function classifierExtractor(
  folder: string,
  options: { device?: Device | undefined; resizer?: Resizer | undefined } = {},
): Promise<FeatureExtractor> {
  const { device = factoryDevice(), resizer = 'none' } = options;
  const artefact = new Artefact(folder);
  const config = artefact.config(classifierConfigSchema);
  const { channels, image_size: inputSize, num_classes: numClasses, widths, dataset } = config;
  const shape = { channels, numClasses, widths };
  using weights = artefact.weights();
  requireWeights(folder, weights, '', leastClassifierWeights(shape));
  const classifier = new ImageClassifier(shape, new Rng(0, device)).eval();
  try {
    loadTensors(classifier, (name) => (weights.has(name) ? weights.tensor(name) : undefined), weights.names);
  } catch (error) {
    classifier.dispose();
    throw error;
  }
  const hash = await artefact.hash();
  const pixels = pixelRules['minus-one-to-one'];
  return {
    name: `${dataset} classifier (test accuracy ${config.test_accuracy.toFixed(4)})`,
    hash,
    inputSize,
    resizer,
    pixels: pixels.text,
    numFeatures: widths.at(-1)!,
    numClasses,
    names: classifierNames(prefix(dataset)),
    device,
    extract: (images) =>
      noGrad(() =>
        scope(() => {
          const features = classifier.features(toInput(images, { inputSize, channels, resizer, pixels }, device));
          return { features, probabilities: classifier.fc.forward(features).softmax(-1) };
        }),
      ),
    [Symbol.dispose]: () => classifier.dispose(),
  };
}
