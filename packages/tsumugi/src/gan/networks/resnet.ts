// The ResNets for 32×32 (CIFAR-10) and 48×48 (STL-10) (Miyato et al. 2018, arXiv 1802.05957, tables 4 and 5; details from
// the authors' code, which has the 32×32 ones).
//
//   generator:      dense 128 → bottom × bottom × widths[0]; a block per doubling; BN, ReLU, 3×3 convolution; tanh
//   discriminator:  blocks; ReLU; sum over pixels; linear map without bias, plus the projection of the class
//
// Glorot-uniform throughout (gain √2 in 3×3 convolutions of blocks, else 1), biases 0.
import { ConfigError, checkOptions } from '../../base/index.ts';
import { type Conv2d, Linear, Module, xavierUniform, zerosInit } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import type { Discriminator, ImageGenerator } from '../types.ts';
import { type GeneratorNorm, generatorNorm } from './batch-norm.ts';
import { conv3x3, DownBlock, UpBlock } from './blocks.ts';
import { Head } from './head.ts';
import { channelsLast } from './layout.ts';
import { weightNormalizationOf } from './normalization.ts';
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

interface Plan {
  /** Height and width after the dense layer. */
  bottom: number;
  /** Channels after the dense layer and after every block of the generator. */
  generator: readonly number[];
  /** Channels after every block of the discriminator. */
  discriminator: readonly number[];
  /** How many of these, from the first, halve height and width. */
  pooled: number;
}

const plans: Readonly<Record<number, Plan>> = {
  32: { bottom: 4, generator: [256, 256, 256, 256], discriminator: [128, 128, 128, 128], pooled: 2 },
  48: { bottom: 6, generator: [512, 256, 128, 64], discriminator: [64, 128, 256, 512, 1024], pooled: 4 },
};

function planFor(size: number): Plan {
  const plan = plans[size];
  if (plan) return plan;
  throw new ConfigError('unsupported-size', `there is no ResNet for images of ${size}×${size}`, {
    remedy: `Scale them to ${Object.keys(plans).join(' or ')}, or take the standard CNN.`,
    fields: { size },
  });
}

/** How many weights a generator has at least, without making it: those of dense layer, blocks and classes. */
export function leastResNetWeights({ size = 32, numClasses = 0, ...options }: ShapeOptions): number {
  const plan = planFor(size);
  const [first, ...widths] = plan.generator.map((width) => scaled(width, options)) as [number, ...number[]];
  return widths.reduce(
    (sum, width, i) => {
      const before = widths[i - 1] ?? first;
      return sum + 9 * (before + width) * width + before * width + 2 * numClasses * (before + width);
    },
    latentSize * first * plan.bottom ** 2,
  );
}

export class ResNetGenerator extends Module implements ImageGenerator {
  dense: Linear;
  blocks: UpBlock[];
  norm: GeneratorNorm;
  last: Conv2d;
  readonly latentSize = latentSize;
  readonly imageShape: readonly [number, number, number];
  readonly numClasses: number | null;
  readonly #bottom: number;

  /** @throws ConfigError for sizes other than 32 and 48. */
  constructor(options: NetworkOptions) {
    super();
    checkOptions('ResNetGenerator', options, networkOptions);
    const { rng } = options;
    this.imageShape = imageShape(options);
    this.numClasses = options.numClasses ?? null;
    const [channels, size] = this.imageShape;
    const plan = planFor(size);
    const widths = plan.generator.map((width) => scaled(width, options));
    this.#bottom = plan.bottom;
    const dense = { rng, weightInit: xavierUniform(), biasInit: zerosInit() };
    this.dense = new Linear(latentSize, widths[0]! * plan.bottom ** 2, dense);
    this.blocks = widths.slice(1).map((width, i) => new UpBlock(widths[i]!, width, this.numClasses, rng));
    // As in the authors' code the last norm is shared by all classes.
    this.norm = generatorNorm(widths.at(-1)!, null, rng);
    this.last = conv3x3(widths.at(-1)!, channels, { rng }, 1);
  }

  forward(z: Tensor, labels?: Tensor): Tensor {
    checkLabels(this.numClasses, labels);
    let x = channelsLast(this.dense.forward(z).view([z.size(0), -1, this.#bottom, this.#bottom]));
    for (const block of this.blocks) x = block.forward(x, labels);
    return this.last.forward(this.norm.forward(x).relu()).tanh();
  }
}

export class ResNetDiscriminator extends Module implements Discriminator {
  blocks: DownBlock[];
  head: Head;
  readonly imageShape: readonly [number, number, number];
  readonly numClasses: number | null;

  /** @throws ConfigError for sizes other than 32 and 48, and for batch and layer normalization. */
  constructor(options: DiscriminatorOptions) {
    super();
    checkOptions('ResNetDiscriminator', options, discriminatorOptions);
    const { rng, normalization, weightInit } = options;
    if (normalization === 'batch' || normalization === 'layer')
      throw new ConfigError(
        'unsupported-normalization',
        `the ResNet discriminator has no ${normalization} normalization`,
        {
          remedy: 'Take "none", "spectral" or "weight", or the standard CNN.',
          fields: { normalization },
        },
      );
    const weights = { rng, weightNormalization: weightNormalizationOf(options) };
    this.imageShape = imageShape(options);
    this.numClasses = options.numClasses ?? null;
    const [channels, size] = this.imageShape;
    const plan = planFor(size);
    const widths = [channels, ...plan.discriminator.map((width) => scaled(width, options))];
    this.blocks = widths
      .slice(1)
      .map(
        (width, i) =>
          new DownBlock(widths[i]!, width, { ...weights, weightInit, pooled: i < plan.pooled, first: i === 0 }),
      );
    const head = { ...weights, weightInit: weightInit ?? xavierUniform(), numClasses: this.numClasses, bias: false };
    this.head = new Head(widths.at(-1)!, head);
  }

  forward(images: Tensor, labels?: Tensor): Tensor {
    let x = channelsLast(images);
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(x.relu().sum([2, 3]), labels);
  }
}
