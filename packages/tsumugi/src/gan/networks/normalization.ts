// How a discriminator can be normalized: its weights, or what its convolutions give.
import {
  BatchNorm,
  LayerNorm,
  spectralNorm,
  type UnaryModule,
  type WeightNormalization,
  weightNorm,
} from '../../nn/index.ts';
import type { Rng } from '../../torch/index.ts';
import { batchNormOptions } from './batch-norm.ts';
import type { DiscriminatorOptions, NormalizationName } from './options.ts';

/** The normalization of all weights, biases excepted; undefined when it is not the weights that are normalized. */
export function weightNormalizationOf(options: DiscriminatorOptions): WeightNormalization | undefined {
  if (options.normalization === 'spectral') return spectralNorm(options.spectral);
  return options.normalization === 'weight' ? weightNorm() : undefined;
}

/**
 * The normalization of a convolution's output [B, C, H, W], before its activation; null when there is none. As published
 * it has no multiplier; the shift stays (per channel, or per channel and pixel: our choice).
 */
export function activationNorm(
  name: NormalizationName | undefined,
  [channels, height, width]: readonly [number, number, number],
  rng: Rng,
): UnaryModule | null {
  const options = { rng, scale: false };
  if (name === 'batch') return new BatchNorm(channels, { ...batchNormOptions, ...options });
  return name === 'layer' ? new LayerNorm([channels, height, width], options) : null;
}
