// What the networks of both families take.
import { ConfigError, type OptionNames } from '../../base/index.ts';
import type { Initializer, SpectralNormOptions } from '../../nn/index.ts';
import type { Rng, Tensor } from '../../torch/index.ts';

/** Numbers per image that generators start from, drawn from N(0, 1): the published size of z. */
export const latentSize = 128;

/** How a discriminator can be normalized: its weights, or what its convolutions give (normalization.ts). */
export const normalizations = ['none', 'spectral', 'weight', 'batch', 'layer'] as const;
export type NormalizationName = (typeof normalizations)[number];

export interface NetworkOptions {
  /** Draws the initial weights. */
  rng: Rng;
  /** Height and width of the images; 32 when left out. */
  size?: number;
  /** Channels of the images; 3 when left out. */
  channels?: number;
  /** Factor of all widths, for smaller networks than the published ones; 1 when left out. */
  width?: number;
  /** Makes the network conditional on one of so many classes. */
  numClasses?: number | undefined;
}

export const networkOptions: OptionNames<NetworkOptions> = {
  rng: true,
  size: true,
  channels: true,
  width: true,
  numClasses: true,
};

/** What determines the shapes of a network. */
export type ShapeOptions = Omit<NetworkOptions, 'rng'>;

export interface DiscriminatorOptions extends NetworkOptions {
  /** 'none' when left out. */
  normalization?: NormalizationName;
  /** Of `normalization: 'spectral'`. */
  spectral?: SpectralNormOptions;
  /** Initial weights instead of the network's own, e.g. `orthogonal()`. */
  weightInit?: Initializer | undefined;
}

export const discriminatorOptions: OptionNames<DiscriminatorOptions> = {
  rng: true,
  size: true,
  channels: true,
  width: true,
  numClasses: true,
  normalization: true,
  spectral: true,
  weightInit: true,
};

/** A width of the published network times the factor, at least 1. */
export const scaled = (width: number, options: Pick<NetworkOptions, 'width'>): number =>
  Math.max(1, Math.round(width * (options.width ?? 1)));

export const imageShape = ({ channels = 3, size = 32 }: NetworkOptions): readonly [number, number, number] => [
  channels,
  size,
  size,
];

/** @throws ConfigError when a conditional network gets no labels, or an unconditional one gets some. */
export function checkLabels(numClasses: number | null, labels: Tensor | undefined): void {
  if ((numClasses === null) === (labels === undefined)) return;
  throw numClasses === null
    ? new ConfigError('unused-labels', 'an unconditional network was given labels', {
        remedy: 'Leave them out, or make the network with numClasses.',
      })
    : new ConfigError('labels-needed', `a network for ${numClasses} classes was given no labels`, {
        remedy: 'Give it an int64 tensor with one label per image.',
      });
}
