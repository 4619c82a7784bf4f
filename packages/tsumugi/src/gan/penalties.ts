// The penalties by name: what may be added to the discriminator's loss.
import type { Rng, Tensor } from '../torch/index.ts';
import { gradientPenalty } from './gradient-penalty.ts';
import type { Discriminator } from './types.ts';
import { orthonormalPenalty } from './weight-constraints.ts';

export interface PenaltyInput {
  discriminator: Discriminator;
  /** The real images of the update [B, C, H, W]. */
  real: Tensor;
  /** Its fakes, of the same shape; they count as constants. */
  fake: Tensor;
  /** Of the real images, int64 [B], for a conditional discriminator. */
  labels: Tensor | undefined;
  /** For random numbers; checkpoints keep its state. */
  rng: Rng;
}

export interface Penalty {
  /** The penalty with its weight: a scalar. */
  compute(input: PenaltyInput): Tensor;
}

/** Weight → penalty. */
export const penalties = {
  gradient: (weight) => ({
    compute: ({ discriminator, real, fake, labels, rng }) =>
      gradientPenalty(discriminator, real, fake, { rng: rng, weight, labels }),
  }),
  orthonormal: (weight) => ({ compute: ({ discriminator }) => orthonormalPenalty(discriminator).mul(weight) }),
} satisfies Record<string, (weight: number) => Penalty>;

export type PenaltyName = keyof typeof penalties;
