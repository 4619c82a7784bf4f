// A feature extractor: a frozen network, how images become its input, and how its scores are called.
//
// Only scores with the weights of Inception-2015-12-05 may be called "FID", "IS", "KID". Features of any other network give
// other numbers, which must not be set beside published ones: they carry another name.
import { ShapeError } from '../../base/index.ts';
import { type Device, scope, type Tensor } from '../../torch/index.ts';
import { type Resizer, resize } from './resize.ts';

export interface Extracted {
  /** [B, D] float32 */
  features: Tensor;
  /** [B, classes] float32, of a network that has classes. */
  probabilities?: Tensor;
}

export type Metric = 'frechet' | 'inception' | 'kernel' | 'precision' | 'recall';

/** How each metric is called with these features. */
export type ScoreNames = Readonly<Record<Metric, string>>;

export interface FeatureExtractor extends Disposable {
  /** What it is, with whatever is not proven about it. */
  readonly name: string;
  /** SHA-256 that identifies the weights. */
  readonly hash: string;
  /** [height, width] */
  readonly inputSize: readonly [number, number];
  readonly resizer: Resizer;
  /** How bytes become the network's input, e.g. "x/127.5 - 1". */
  readonly pixels: string;
  /** D. */
  readonly numFeatures: number;
  /** 0 when it has none, and then no Inception score either. */
  readonly numClasses: number;
  readonly names: ScoreNames;
  readonly device: Device;
  /** Bytes (uint8) [B, C, H, W] of any size, on any device → what the network makes of them. */
  extract(images: Tensor): Extracted;
}

/** For Inception-2015-12-05 alone. */
export const originalNames: ScoreNames = {
  frechet: 'FID',
  inception: 'IS',
  kernel: 'KID',
  precision: 'precision',
  recall: 'recall',
};

/** For another network than the original Inception: "FID (nsfwjs InceptionV3 features)". */
export function substituteNames(label: string): ScoreNames {
  return mapNames((name) => `${name} (${label} features)`);
}

/** For a classifier of the data set itself: "CIFAR-FD", "CIFAR-IS", "CIFAR-KD", "CIFAR-precision", "CIFAR-recall". */
export function classifierNames(dataset: string): ScoreNames {
  return {
    ...mapNames((name) => `${dataset}-${name}`),
    frechet: `${dataset}-FD`,
    kernel: `${dataset}-KD`,
  };
}

function mapNames(change: (name: string) => string): ScoreNames {
  return Object.fromEntries(
    Object.entries(originalNames).map(([metric, name]) => [metric, change(name)]),
  ) as unknown as ScoreNames;
}

/** y = x · scale + shift for bytes x; one shift and scale for all channels. */
export interface PixelRule {
  readonly text: string;
  readonly scale: number;
  readonly shift: number;
}

export const pixelRules = {
  'zero-to-one': { text: 'x/255', scale: 1 / 255, shift: 0 },
  'minus-one-to-one': { text: 'x/127.5 - 1', scale: 1 / 127.5, shift: -1 },
  '128': { text: '(x - 128)/128', scale: 1 / 128, shift: -1 },
} as const satisfies Record<string, PixelRule>;

export interface InputRule {
  readonly inputSize: readonly [number, number];
  readonly channels: number;
  readonly resizer: Resizer;
  readonly pixels: PixelRule;
}

/** Bytes [B, C, H, W] → float32 [B, channels, height, width]. Grey images become three equal channels where the network takes three. */
export function toInput(images: Tensor, { inputSize, channels, resizer, pixels }: InputRule, device: Device): Tensor {
  const [B, C, H, W] = images.shape;
  if (images.dtype !== 'uint8' || images.ndim !== 4 || !(C === channels || (C === 1 && channels === 3)))
    throw new ShapeError(
      'wrong-images',
      `expected images as bytes [B, ${channels}, H, W], got ${images.dtype}[${images.shape.join(', ')}]`,
      {
        remedy: `Take a feature network for images of ${C} channels: a classifier trained on such images.`,
        fields: { shape: images.shape, dtype: images.dtype },
      },
    );
  return scope(() => {
    const coloured = images.to(device).expand([B!, channels, H!, W!]);
    return resize(coloured, inputSize, resizer).mul(pixels.scale).add(pixels.shift);
  });
}
