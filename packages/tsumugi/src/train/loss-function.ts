// What a training step differentiates: cross-entropy of the next token, or a loss of one's own.
import type { Batch, LanguageModel, LossOptions } from '../lm/index.ts';
import type { Tensor } from '../torch/index.ts';

/** A loss of a micro-batch, as sums over its targets: a step divides them by the targets of all its micro-batches. */
export interface LossSums {
  /** What to differentiate. */
  loss: Tensor;
  /** What the log and the progress line show as the loss; `loss` when left out. */
  shown?: Tensor;
  /** Whatever else is logged; asked for once the backward pass is done, so that nothing waits for it before. */
  sums?(): Record<string, number>;
}

/**
 * @param options as `model.loss` takes them, with the run's `zLoss`, `activationCheckpointing` and `dtype`
 * @param firstRow of the micro-batch, among the rows of its step; the first of all when left out
 */
export type LossFunction = (
  model: LanguageModel,
  batch: Batch,
  options: LossOptions,
  step: number,
  firstRow?: number,
) => LossSums;

export const nextTokenLoss: LossFunction = (model, batch, options) => {
  const { loss, crossEntropy, meanSquaredLogsumexp, count } = model.loss(batch, options);
  return {
    loss,
    shown: crossEntropy,
    sums: () => ({ meanSquaredLogsumexp: meanSquaredLogsumexp.item() * count.item() }),
  };
};
