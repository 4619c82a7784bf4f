// The adversarial losses, from logits r = D(real) and f = D(fake), both [B]; means over the batch.
//
//                discriminator minimises                 generator minimises
//   standard     softplus(−r) + softplus(f)              softplus(−f)         Goodfellow et al. 2014, arXiv 1406.2661
//   hinge        max(0, 1 − r) + max(0, 1 + f)           −f                   Lim & Ye 2017, arXiv 1705.02894
//   wasserstein  f − r                                   −f                   Arjovsky et al. 2017, arXiv 1701.07875
//
// Standard is −log σ(r) − log(1 − σ(f)) for the discriminator and the non-saturating −log σ(f) for the generator.
import type { Tensor } from '../torch/index.ts';

export interface AdversarialLoss {
  /** Logits of real and of fake images, both [B] → a scalar. */
  discriminator(real: Tensor, fake: Tensor): Tensor;
  /** Logits of fake images [B] → a scalar. */
  generator(fake: Tensor): Tensor;
}

/** −f: what hinge and Wasserstein have in common. */
const generator = (fake: Tensor): Tensor => fake.mean().neg();

/** The losses by name. */
export const losses = {
  standard: {
    discriminator: (real, fake) => real.neg().softplus().mean().add(fake.softplus().mean()),
    generator: (fake) => fake.neg().softplus().mean(),
  },
  hinge: {
    discriminator: (real, fake) => real.neg().add(1).relu().mean().add(fake.add(1).relu().mean()),
    generator,
  },
  wasserstein: {
    discriminator: (real, fake) => fake.mean().sub(real.mean()),
    generator,
  },
} satisfies Record<string, AdversarialLoss>;

export type LossName = keyof typeof losses;
