// The networks by the names of their families.
import type { Discriminator, ImageGenerator } from '../types.ts';
import { CnnDiscriminator, CnnGenerator } from './cnn.ts';
import type { DiscriminatorOptions, NetworkOptions } from './options.ts';
import { ResNetDiscriminator, ResNetGenerator } from './resnet.ts';

export { ConditionalBatchNorm } from './batch-norm.ts';
export { CnnDiscriminator, CnnGenerator } from './cnn.ts';
export {
  type DiscriminatorOptions,
  latentSize,
  type NetworkOptions,
  type NormalizationName,
  normalizations,
} from './options.ts';
export { ResNetDiscriminator, ResNetGenerator } from './resnet.ts';

interface Architecture {
  generator(options: NetworkOptions): ImageGenerator;
  discriminator(options: DiscriminatorOptions): Discriminator;
}

/** Makers of both networks: the paper's standard CNN and its ResNet. */
export const architectures = {
  cnn: {
    generator: (options) => new CnnGenerator(options),
    discriminator: (options) => new CnnDiscriminator(options),
  },
  resnet: {
    generator: (options) => new ResNetGenerator(options),
    discriminator: (options) => new ResNetDiscriminator(options),
  },
} satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;
