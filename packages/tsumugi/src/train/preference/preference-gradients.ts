// A step's gradients of a preference objective: the mean over the pairs, or answers, of the step, a micro-batch of them at a time.
import type { StepLoss } from '../../loop/index.ts';
import { backward, scope } from '../../torch/index.ts';
import type { DpoConfig } from '../dpo-config.ts';
import { computeType, type WithinStep } from '../step-gradients.ts';
import type { ItemSteps } from './item-steps.ts';
import { Means, type OutcomeOptions, type Work } from './outcome.ts';

/** @param workOf the micro-batches of a step */
export function preferenceGradients(
  steps: ItemSteps<unknown>,
  workOf: (step: number, options: OutcomeOptions) => Iterable<Work>,
  { dtype, activationCheckpointing }: Pick<DpoConfig, 'dtype' | 'activationCheckpointing'>,
  { onPart }: Pick<WithinStep, 'onPart'> = {},
): (step: number) => StepLoss {
  return (step) => {
    const means = new Means();
    let loss = 0;
    const options = { dtype: computeType(dtype), activationCheckpointing, onPart: onPart?.(step) };
    for (const work of workOf(step, options))
      scope(() => {
        const found = work();
        if (!found) return;
        backward(found.loss.div(steps.itemsPerStep));
        loss += found.loss.item() / steps.itemsPerStep;
        means.add(found.parts());
      });
    const [before, after] = [steps.tokensAt(step), steps.tokensAt(step + 1)];
    return { loss, tokens: after - before, tokensSeen: after, metrics: means.found() };
  };
}
