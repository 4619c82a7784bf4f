// The loss of values against their targets, as DQN's family has it.
import { smoothL1Loss, type Tensor } from '../../torch/index.ts';

export interface ValueLossOptions {
  /** Huber's loss with δ = 1 instead of half the square: gradients are clipped at ±1. */
  clipDelta: boolean;
  /** Of the batch. */
  accumulator: 'mean' | 'sum';
}

/** Σᵢ wᵢ ℓ(yᵢ − tᵢ), divided by the batch's size for the mean. y, t, weights: [B] */
export function valueLoss(y: Tensor, t: Tensor, weights: Tensor | undefined, options: ValueLossOptions): Tensor {
  const each = options.clipDelta ? smoothL1Loss(y, t, 0, 1) : y.sub(t).square().mul(0.5);
  return accumulated(each, weights, options.accumulator);
}

/** Sum or mean over the batch of losses [B], weighted where there are weights. */
export function accumulated(losses: Tensor, weights: Tensor | undefined, accumulator: 'mean' | 'sum'): Tensor {
  const weighted = weights ? losses.mul(weights) : losses;
  return accumulator === 'mean' ? weighted.mean() : weighted.sum();
}
