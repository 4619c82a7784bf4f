// The loss of values against their targets, as DQN's family has it.
import { mseLoss, smoothL1Loss, type Tensor } from '../../torch/index.ts';

export interface ValueLossOptions {
  /** Huber's loss with δ = 1 instead of half the square: gradients are clipped at ±1. */
  clipDelta: boolean;
  /** Of the batch. */
  accumulator: 'mean' | 'sum';
}

/** Σᵢ wᵢ ℓ(yᵢ − tᵢ), divided by the batch's size for the mean. y, t, weights: [B] */
export function valueLoss(y: Tensor, t: Tensor, weights: Tensor | undefined, options: ValueLossOptions): Tensor {
  if (weights) return accumulated(lossOf(y, t, EACH, options.clipDelta), weights, options.accumulator);
  return lossOf(y, t, options.accumulator === 'mean' ? MEAN : SUM, options.clipDelta);
}

// Reductions by the numbers that libtorch's losses know them by: one operator instead of two, where nothing is weighted.
const [EACH, MEAN, SUM] = [0, 1, 2];

/** ℓ: Huber's loss, or half the square. */
const lossOf = (y: Tensor, t: Tensor, reduction: number, isHuber: boolean): Tensor =>
  isHuber ? smoothL1Loss(y, t, reduction, 1) : mseLoss(y, t, reduction).mul(0.5);

/** Sum or mean over the batch of losses [B], weighted where there are weights. */
export function accumulated(losses: Tensor, weights: Tensor | undefined, accumulator: 'mean' | 'sum'): Tensor {
  const weighted = weights ? losses.mul(weights) : losses;
  return accumulator === 'mean' ? weighted.mean() : weighted.sum();
}
