// One step of an optimizer down a loss.
import { UserError } from '../../base/index.ts';
import { clipScale, gradNorm, type Optimizer } from '../../optim/index.ts';
import { backward, type Tensor } from '../../torch/index.ts';

/**
 * Gradients of the loss alone, scaled down to the largest norm, and a step.
 *
 * @param maxGradNorm of all gradients together; null: they are taken as they are
 * @throws UserError `not-finite` before anything is changed
 */
export function takeStep(optimizer: Optimizer, loss: Tensor, maxGradNorm: number | null): void {
  optimizer.zeroGrad();
  backward(requireFinite(loss));
  stepWithGradients(optimizer, maxGradNorm);
}

/** A step with the gradients that are there. */
export function stepWithGradients(optimizer: Optimizer, maxGradNorm: number | null): void {
  if (maxGradNorm === null) optimizer.step();
  else optimizer.step(undefined, { gradScale: clipScale(gradNorm(optimizer.parameters), maxGradNorm) });
}

/** The loss. @throws UserError `not-finite` */
export function requireFinite(loss: Tensor): Tensor {
  const value = loss.item();
  if (Number.isFinite(value)) return loss;
  throw new UserError('not-finite', `the loss is ${value}`, {
    remedy: 'Lower the learning rate, scale the rewards down, or normalize the observations.',
  });
}
