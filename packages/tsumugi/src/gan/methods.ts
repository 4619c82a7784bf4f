// The methods compared in table 2 of Miyato et al. 2018, arXiv 1802.05957: what the discriminator's normalization, the
// loss and the regularization are. Everything else is the same for all; the generator always has batch normalization.
import type { LossName } from './losses.ts';
import type { NormalizationName } from './networks/options.ts';
import type { PenaltyName } from './penalties.ts';

export interface Method {
  /** As the paper's table calls it. */
  title: string;
  /** Of the discriminator. */
  normalization: NormalizationName;
  loss: LossName;
  /** With `orthonormal`, the discriminator starts from orthonormal weights. */
  penalty?: { kind: PenaltyName; weight: number };
  /** c of `clipWeights`, after every update of the discriminator. */
  clip?: number;
}

const gradient = { kind: 'gradient', weight: 10 } as const;
const orthonormal = { kind: 'orthonormal', weight: 1e-4 } as const;

/**
 * The methods by name. Published: the constants 0.01 and 10, and that BN, LN and WN have no multiplier. Not published: the
 * weight of the orthonormal penalty; 1e-4 is our choice. That weight clipping goes with the Wasserstein loss, as
 * in Arjovsky et al. 2017, is our reading.
 */
export const methods = {
  'weight-clipping': { title: 'Weight clipping', normalization: 'none', loss: 'wasserstein', clip: 0.01 },
  'gan-gp': { title: 'GAN-GP', normalization: 'none', loss: 'standard', penalty: gradient },
  'wgan-gp': { title: 'WGAN-GP', normalization: 'none', loss: 'wasserstein', penalty: gradient },
  'batch-norm': { title: 'Batch norm', normalization: 'batch', loss: 'standard' },
  'layer-norm': { title: 'Layer norm', normalization: 'layer', loss: 'standard' },
  'weight-norm': { title: 'Weight norm', normalization: 'weight', loss: 'standard' },
  orthonormal: { title: 'Orthonormal', normalization: 'none', loss: 'standard', penalty: orthonormal },
  sn: { title: 'SN', normalization: 'spectral', loss: 'standard' },
  'orthonormal-hinge': { title: 'Orthonormal, hinge', normalization: 'none', loss: 'hinge', penalty: orthonormal },
  'sn-hinge': { title: 'SN, hinge', normalization: 'spectral', loss: 'hinge' },
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;
