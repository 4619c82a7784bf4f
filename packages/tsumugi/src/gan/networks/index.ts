// The networks by the names of their families.
import type { Discriminator, ImageGenerator } from '../types.ts';
import { CnnDiscriminator, CnnGenerator, leastCnnWeights } from './cnn.ts';
import type { DiscriminatorOptions, NetworkOptions, ShapeOptions } from './options.ts';
import { leastResNetWeights, ResNetDiscriminator, ResNetGenerator } from './resnet.ts';

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
  /** How many weights a generator has at least: what it takes is known before it is made. */
  leastWeights(options: ShapeOptions): number;
}

/** Makers of both networks: the paper's standard CNN and its ResNet. */
export const architectures = {
  cnn: {
    generator: (options) => new CnnGenerator(options),
    discriminator: (options) => new CnnDiscriminator(options),
    leastWeights: leastCnnWeights,
  },
  resnet: {
    generator: (options) => new ResNetGenerator(options),
    discriminator: (options) => new ResNetDiscriminator(options),
    leastWeights: leastResNetWeights,
  },
} satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;
