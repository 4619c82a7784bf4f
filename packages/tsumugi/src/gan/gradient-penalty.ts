// The gradient penalty (Gulrajani et al. 2017, arXiv 1704.00028): with the Wasserstein loss it is WGAN-GP, with the
// standard loss GAN-GP.
//
//   x̂ = εx + (1 − ε)x̃,  ε ~ U[0, 1) per image      λ · mean over the batch of (‖∇_x̂ D(x̂)‖ − target)²
import { ShapeError } from '../base/index.ts';
import {
  enableGrad,
  grad,
  isGradEnabled,
  linalgVectorNorm,
  noGrad,
  type Rng,
  rand,
  type Tensor,
} from '../torch/index.ts';
import type { Discriminator } from './types.ts';

export interface GradientPenaltyOptions {
  /** Draws ε. */
  rng: Rng;
  /** λ; 10 when left out. */
  weight?: number;
  /** The length that gradients should have; 1 when left out. */
  target?: number;
  /** int64 [B], for a conditional discriminator. */
  labels?: Tensor | undefined;
}

/**
 * The penalty, a scalar to add to the discriminator's loss; its backward goes through the gradient, so every operator of
 * the discriminator needs a second derivative. Batch normalization does not belong in such a discriminator: it makes one
 * image's logit depend on the others.
 *
 * @param real [B, C, H, W]
 * @param fake the same shape; it counts as a constant
 * @throws ShapeError for fakes of another shape
 */
export function gradientPenalty(
  discriminator: Discriminator,
  real: Tensor,
  fake: Tensor,
  options: GradientPenaltyOptions,
): Tensor {
  const { rng, weight = 10, target = 1, labels } = options;
  // One would be stretched over the other.
  if (real.shape.join() !== fake.shape.join())
    throw new ShapeError(
      'wrong-shape',
      `gradientPenalty: real images are [${real.shape.join(', ')}], fakes [${fake.shape.join(', ')}]`,
      { remedy: 'Give as many of both, of one size.', fields: { real: real.shape, fake: fake.shape } },
    );
  const createGraph = isGradEnabled();
  return enableGrad(() => {
    const mixed = noGrad(() => {
      const epsilon = rand([real.size(0), 1, 1, 1], rng).to(real.dtype, real.device);
      return fake.add(real.sub(fake).mul(epsilon));
    }).requiresGrad_();
    const logits = discriminator.forward(mixed, labels);
    const [gradient] = grad([logits.sum()], [mixed], { createGraph }) as [Tensor];
    return linalgVectorNorm(gradient.flatten(1), 2, 1).sub(target).square().mean().mul(weight);
  });
}
