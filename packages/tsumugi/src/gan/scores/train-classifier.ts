// Trains the classifier: Adam on the cross-entropy, learning rate falling to zero along a cosine, images mirrored (where a
// mirror image is one of the same class) and shifted by a few pixels. All settings are our choice.
import { setImmediate } from 'node:timers/promises';
import { ConfigError, deriveSeed, RandomStream, UserError } from '../../base/index.ts';
import { ImageBatches, type ImageSet, imagesHash } from '../../images/index.ts';
import { crossEntropy, describeDiagnosis, diagnose } from '../../nn/index.ts';
import { Adam, cosine } from '../../optim/index.ts';
import {
  backward,
  type Device,
  factoryDevice,
  noGrad,
  Rng,
  scope,
  type Tensor,
  tensor,
  where,
} from '../../torch/index.ts';
import { requireFiniteOutput } from '../not-finite.ts';
import { ImageClassifier } from './classifier.ts';
import { pixelRules, toInput } from './extractor.ts';

export interface TrainClassifierOptions {
  /** Passes over the training images. */
  epochs?: number;
  batchSize?: number;
  /** Peak, of Adam. */
  lr?: number;
  widths?: readonly number[];
  /** Mirror half of the images; false for digits. Default: whether the images have colours. */
  flip?: boolean;
  /** Shift each batch by up to so many pixels in each direction. */
  shift?: number;
  seed?: number;
  device?: Device;
  /** Told the loss and the test accuracy after each epoch. */
  report?: (line: string) => void;
}

export interface TrainedClassifier {
  /** In evaluation mode; dispose it. */
  classifier: ImageClassifier;
  settings: Required<Omit<TrainClassifierOptions, 'report' | 'device'>>;
  /** Share of the test images that are classified rightly. */
  accuracy: number;
}

/** The images on the device, as bytes, with their labels. */
function onDevice({ name, count, channels, height, width, pixels, labels }: ImageSet, device: Device) {
  if (!labels)
    throw new ConfigError('no-labels', `${name} has no classes, so no classifier can be trained on it`, {
      remedy: 'Take a data set with labels: cifar-10, mnist, fashion-mnist.',
    });
  return {
    images: tensor(pixels, { shape: [count, channels, height, width], device }),
    labels: tensor(labels, { dtype: 'int64', device }),
  };
}

/** Bytes → input, as the extractor does it. */
const scaled = (images: Tensor, device: Device): Tensor =>
  toInput(
    images,
    {
      inputSize: [images.size(2), images.size(3)],
      channels: images.size(1),
      resizer: 'none',
      pixels: pixelRules['minus-one-to-one'],
    },
    device,
  );

/** Mirrors each image with probability ½, and shifts the batch; what comes in from outside is black. */
function augment(x: Tensor, flip: boolean, shift: number, stream: RandomStream): Tensor {
  const [B, , H, W] = x.shape as [number, number, number, number];
  const coins = Uint8Array.from({ length: B }, () => (flip && stream.next() < 0.5 ? 1 : 0));
  const mirrored = tensor(coins, { shape: [B, 1, 1, 1], device: x.device });
  const turned = flip ? where(mirrored.ne(0), x.flip([3]), x) : x;
  const [down, right] = [stream.below(2 * shift + 1), stream.below(2 * shift + 1)];
  return turned.pad([shift, shift, shift, shift], -1).narrow(2, down, H).narrow(3, right, W);
}

/** The share of images that the classifier, in evaluation mode, is right about. */
export function classifierAccuracy(
  classifier: ImageClassifier,
  set: ImageSet,
  device: Device = factoryDevice(),
): number {
  return noGrad(() =>
    scope(() => {
      const { images, labels } = onDevice(set, device);
      let right = 0;
      for (let from = 0; from < set.count; from += 500)
        right += scope(() => {
          const n = Math.min(500, set.count - from);
          const logits = classifier.forward(scaled(images.narrow(0, from, n), device));
          requireFiniteOutput(logits, classifier, `what the classifier says of ${set.name}`);
          return logits
            .argmax(1)
            .eq(labels.narrow(0, from, n))
            .sum()
            .item();
        });
      return right / set.count;
    }),
  );
}

/** The loss, when it is a number. @throws UserError `diverged` that names what is not finite */
function finite(loss: number, step: number, classifier: ImageClassifier): number {
  if (Number.isFinite(loss)) return loss;
  const cause = describeDiagnosis(diagnose(classifier));
  throw new UserError(
    'diverged',
    `training of the classifier diverged at step ${step + 1}: its loss is ${loss}; ${cause}`,
    {
      remedy: 'Train with a lower lr; 1e-3 is the default.',
      fields: { step: step + 1, loss },
    },
  );
}

/** @throws ConfigError for a setting that cannot be */
function checkSettings({ epochs, batchSize, lr, widths, shift, seed }: TrainedClassifier['settings']): void {
  const whole = { epochs: [epochs, 1], batchSize: [batchSize, 1], shift: [shift, 0], seed: [seed, 0] } as const;
  const wrong = Object.entries(whole).find(([, [value, least]]) => !Number.isInteger(value) || value < least);
  if (wrong) {
    const [name, [value, least]] = wrong;
    throw new ConfigError('bad-setting', `${name} should be a whole number from ${least} and is ${value}`);
  }
  if (!(Number.isFinite(lr) && lr > 0))
    throw new ConfigError('bad-setting', `lr should be a number above 0 and is ${lr}`);
  if (widths.length === 0 || !widths.every((width) => Number.isInteger(width) && width >= 1))
    throw new ConfigError('bad-setting', `widths should be whole numbers from 1 and are [${widths.join(', ')}]`);
}

/**
 * @throws ConfigError when a set has no labels, or the two are of different shapes or the same images; UserError when it diverges
 */
export async function trainClassifier(
  train: ImageSet,
  test: ImageSet,
  options: TrainClassifierOptions = {},
): Promise<TrainedClassifier> {
  const { report = () => {}, device = factoryDevice(), ...given } = options;
  const settings = {
    epochs: 20,
    batchSize: 128,
    lr: 1e-3,
    widths: [64, 128, 256],
    flip: train.channels === 3,
    shift: 2,
    seed: 0,
    ...given,
  };
  const { epochs, batchSize, lr, widths, flip, shift, seed } = settings;
  checkSettings(settings);
  if (imagesHash(train) === imagesHash(test))
    throw new ConfigError('same-images', `${test.name} would be tested with the images it is trained on`, {
      remedy: 'Give test images of their own; holdOut(images, seed) parts a set into two.',
    });
  if (train.channels !== test.channels || train.height !== test.height || train.width !== test.width)
    throw new ConfigError('other-images', `the images of ${train.name} and ${test.name} are of different shapes`, {
      remedy: 'Open both with one size and one number of channels.',
    });
  const { images, labels } = scope(() => {
    const all = onDevice(train, device);
    return { images: all.images.keep(), labels: all.labels.keep() };
  });
  const numClasses = train.classNames?.length ?? Math.max(...new Set(train.labels)) + 1;
  const classifier = new ImageClassifier(
    { channels: train.channels, numClasses, widths },
    new Rng(deriveSeed(seed, 'classifier'), device),
  );
  try {
    using optimizer = new Adam(classifier);
    const batches = new ImageBatches(train, { batchSize, seed });
    const stream = new RandomStream(deriveSeed(seed, 'augment'));
    const perEpoch = Math.max(1, Math.floor(batches.perEpoch));
    const schedule = cosine(epochs * perEpoch);
    let accuracy = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      let total = 0;
      classifier.train();
      for (let i = 0; i < perEpoch; i++) {
        const step = epoch * perEpoch + i;
        total += scope(() => {
          const rows = tensor(Int32Array.from(batches.indices(step)), { dtype: 'int64', device });
          const x = augment(scaled(images.indexSelect(0, rows), device), flip, shift, stream);
          const loss = crossEntropy(classifier.forward(x), labels.indexSelect(0, rows));
          optimizer.zeroGrad();
          backward(loss);
          optimizer.step(lr * schedule(step));
          return finite(loss.item(), step, classifier);
        });
        await setImmediate();
      }
      accuracy = classifierAccuracy(classifier.eval(), test, device);
      report(
        `epoch ${epoch + 1} of ${epochs}: loss ${(total / perEpoch).toFixed(4)}, test accuracy ${accuracy.toFixed(4)}`,
      );
    }
    optimizer.zeroGrad();
    return { classifier: classifier.eval(), settings, accuracy };
  } catch (error) {
    classifier.dispose();
    throw error;
  } finally {
    images.dispose();
    labels.dispose();
  }
}
