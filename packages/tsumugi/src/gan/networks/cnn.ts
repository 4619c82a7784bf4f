// The standard CNNs (Miyato et al. 2018, arXiv 1802.05957, table 3), for square images of a size M that 8 divides: 32
// (CIFAR-10, SVHN) and 48 (STL-10) as published. Paddings of 1 follow from the sizes.
//
//   generator:      dense 128 → M/8 × M/8 × 512; three 4×4 deconvolutions of stride 2 (256, 128, 64), each BN, ReLU;
//                   3×3 convolution; tanh
//   discriminator:  3×3 64, 4×4 stride 2 64, 3×3 128, 4×4 stride 2 128, 3×3 256, 4×4 stride 2 256, 3×3 512, each leaky
//                   ReLU 0.1; dense → 1
//
// Not published: initial values; N(0, 0.02²) as in DCGAN (Radford et al. 2016, arXiv 1511.06434) and biases of 0 are our
// choice. So are the conditional versions: class-conditional BN, and the projection onto the flattened features.
import { ConfigError, checkOptions } from '../../base/index.ts';
import {
  Conv2d,
  ConvTranspose2d,
  Linear,
  leakyRelu,
  Module,
  normal,
  type UnaryModule,
  zerosInit,
} from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Discriminator, ImageGenerator } from '../types.ts';
import { type GeneratorNorm, generatorNorm } from './batch-norm.ts';
import { Head } from './head.ts';
import { activationNorm, weightNormalizationOf } from './normalization.ts';
import {
  checkLabels,
  type DiscriminatorOptions,
  discriminatorOptions,
  imageShape,
  latentSize,
  type NetworkOptions,
  networkOptions,
  type ShapeOptions,
  scaled,
} from './options.ts';

const initial = { weightInit: normal({ std: 0.02 }), biasInit: zerosInit() };

/** Channels after the dense layer and after every deconvolution of the generator. */
const GENERATOR_WIDTHS = [512, 256, 128, 64] as const;

/** An eighth of the images' size. */
function bottomSize(size: number): number {
  if (size > 0 && size % 8 === 0) return size / 8;
  throw new ConfigError('unsupported-size', `the standard CNN takes sizes that 8 divides, not ${size}`, {
    remedy: 'Scale the images to 32 or 48.',
    fields: { size },
  });
}

/** How many weights a generator has at least, without making it: those of dense layer, deconvolutions and classes. */
export function leastCnnWeights({ size = 32, numClasses = 0, ...options }: ShapeOptions): number {
  const [first, ...widths] = GENERATOR_WIDTHS.map((width) => scaled(width, options)) as [number, ...number[]];
  return widths.reduce(
    (sum, width, i) => sum + 16 * (widths[i - 1] ?? first) * width + 2 * numClasses * width,
    latentSize * first * bottomSize(size) ** 2,
  );
}

export class CnnGenerator extends Module implements ImageGenerator {
  dense: Linear;
  deconvolutions: ConvTranspose2d[];
  norms: GeneratorNorm[];
  last: Conv2d;
  readonly latentSize = latentSize;
  readonly imageShape: readonly [number, number, number];
  readonly numClasses: number | null;
  readonly #bottom: readonly [number, number, number];

  /** @throws ConfigError when 8 does not divide the size. */
  constructor(options: NetworkOptions) {
    super();
    checkOptions('CnnGenerator', options, networkOptions);
    const { rng } = options;
    const weights = { ...initial, rng };
    this.imageShape = imageShape(options);
    this.numClasses = options.numClasses ?? null;
    const [channels, size] = this.imageShape;
    const widths = GENERATOR_WIDTHS.map((width) => scaled(width, options));
    this.#bottom = [widths[0]!, bottomSize(size), bottomSize(size)];
    this.dense = new Linear(latentSize, widths[0]! * bottomSize(size) ** 2, weights);
    this.deconvolutions = widths
      .slice(1)
      .map((width, i) => new ConvTranspose2d(widths[i]!, width, 4, { ...weights, stride: 2, padding: 1 }));
    this.norms = widths.slice(1).map((width) => generatorNorm(width, this.numClasses, rng));
    this.last = new Conv2d(widths.at(-1)!, channels, 3, { ...weights, padding: 1 });
  }

  forward(z: Tensor, labels?: Tensor): Tensor {
    checkLabels(this.numClasses, labels);
    let x = this.dense.forward(z).view([z.size(0), ...this.#bottom]);
    for (const [i, layer] of this.deconvolutions.entries()) x = this.norms[i]!.forward(layer.forward(x), labels).relu();
    return this.last.forward(x).tanh();
  }
}

/** Channels, taps and stride of the convolutions. */
const stages = [
  [64, 3, 1],
  [64, 4, 2],
  [128, 3, 1],
  [128, 4, 2],
  [256, 3, 1],
  [256, 4, 2],
  [512, 3, 1],
] as const;

const activation = leakyRelu(0.1);

export class CnnDiscriminator extends Module implements Discriminator {
  convolutions: Conv2d[];
  /** After every convolution with batch or layer normalization (on which layers is our choice); else none. */
  norms: UnaryModule[];
  head: Head;
  readonly imageShape: readonly [number, number, number];
  readonly numClasses: number | null;

  /** @throws ConfigError when 8 does not divide the size. */
  constructor(options: DiscriminatorOptions) {
    super();
    checkOptions('CnnDiscriminator', options, discriminatorOptions);
    const { rng, normalization } = options;
    const weights = {
      rng,
      weightInit: options.weightInit ?? initial.weightInit,
      weightNormalization: weightNormalizationOf(options),
    };
    this.imageShape = imageShape(options);
    this.numClasses = options.numClasses ?? null;
    let [channels, size] = this.imageShape as [number, number, number];
    const bottom = bottomSize(size);
    this.convolutions = [];
    this.norms = [];
    for (const [width, taps, stride] of stages) {
      const outputs = scaled(width, options);
      const layer = { ...weights, biasInit: initial.biasInit, stride, padding: 1 };
      this.convolutions.push(new Conv2d(channels, outputs, taps, layer));
      channels = outputs;
      size /= stride;
      const norm = activationNorm(normalization, [channels, size, size], rng);
      if (norm) this.norms.push(norm);
    }
    this.head = new Head(channels * bottom ** 2, { ...weights, numClasses: this.numClasses, bias: true });
  }

  forward(images: Tensor, labels?: Tensor): Tensor {
    let x = images;
    for (const [i, layer] of this.convolutions.entries()) {
      x = layer.forward(x);
      x = activation(this.norms[i]?.forward(x) ?? x);
    }
    return this.head.forward(x.flatten(1), labels);
  }
}
