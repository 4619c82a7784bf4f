// Both networks from the few facts that determine their shapes: what a training run and a model folder share.
import { convert, orthogonal } from '../nn/index.ts';
import { type Device, Generator } from '../torch/index.ts';
import type { Method } from './methods.ts';
import { type ArchitectureName, architectures } from './networks/index.ts';
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

/** Initial weights are drawn on the CPU, so that they are the same on every device. */
const optionsOf = ({ size, channels, width, numClasses }: NetworkShape, seed: number) => ({
  ...{ generator: new Generator(seed), size, channels, width },
  numClasses: numClasses ?? undefined,
});

export const makeGenerator = (shape: NetworkShape, seed: number, device: Device): ImageGenerator =>
  convert(architectures[shape.architecture].generator(optionsOf(shape, seed)), device);

/** @param method its normalization, and whether it starts from orthonormal weights */
export const makeDiscriminator = (shape: NetworkShape, method: Method, seed: number, device: Device): Discriminator =>
  convert(
    architectures[shape.architecture].discriminator({
      ...optionsOf(shape, seed),
      normalization: method.normalization,
      weightInit: method.orthonormal === undefined ? undefined : orthogonal(),
    }),
    device,
  );
