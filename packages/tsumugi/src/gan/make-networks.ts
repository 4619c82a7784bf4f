// Both networks from the few facts that determine their shapes: what a training run and a model folder share.
import { convert, orthogonal } from '../nn/index.ts';
import { type Device, Rng } from '../torch/index.ts';
import type { Method } from './methods.ts';
import {
  type ArchitectureName,
  architectures,
  type DiscriminatorOptions,
  type NetworkOptions,
} from './networks/index.ts';
import type { Discriminator, ImageGenerator } from './types.ts';

export interface NetworkShape {
  architecture: ArchitectureName;
  /** Height and width of the images. */
  size: number;
  /** Channels of the images. */
  channels: number;
  /** Factor of all widths. */
  width: number;
  /** Null when unconditional. */
  numClasses: number | null;
}

/** What a generator is made with. Initial weights are drawn on the CPU, so that they are the same on every device. */
export const generatorOptions = (shape: NetworkShape, seed: number): NetworkOptions => {
  const { size, channels, width, numClasses } = shape;
  return { rng: new Rng(seed), size, channels, width, numClasses: numClasses ?? undefined };
};

/** @param method its normalization, and whether it starts from orthonormal weights */
export const discriminatorOptions = (shape: NetworkShape, method: Method, seed: number): DiscriminatorOptions => ({
  ...generatorOptions(shape, seed),
  normalization: method.normalization,
  weightInit: method.penalty?.kind === 'orthonormal' ? orthogonal() : undefined,
});

/** @param make that of the architecture when left out */
export const makeGenerator = (
  shape: NetworkShape,
  seed: number,
  device: Device,
  make: (options: NetworkOptions) => ImageGenerator = architectures[shape.architecture].generator,
): ImageGenerator => convert(make(generatorOptions(shape, seed)), device);

/** @param make that of the architecture when left out */
export const makeDiscriminator = (
  shape: NetworkShape,
  method: Method,
  seed: number,
  device: Device,
  make: (options: DiscriminatorOptions) => Discriminator = architectures[shape.architecture].discriminator,
): Discriminator => convert(make(discriminatorOptions(shape, method, seed)), device);
