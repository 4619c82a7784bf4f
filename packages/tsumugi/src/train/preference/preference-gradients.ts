// A step's gradients of a preference objective: the mean over the pairs, or answers, of the step, a micro-batch of them at a time.
import type { StepLoss } from '../../loop/index.ts';
import { type Mesh, ownSeconds, solo } from '../../mesh/index.ts';
import { backward, scope } from '../../torch/index.ts';
import type { DpoConfig } from '../dpo-config.ts';
import { computeType, type WithinStep } from '../step-gradients.ts';
import type { ItemSteps } from './item-steps.ts';
import { Means, type OutcomeOptions, type Work } from './outcome.ts';

/**
 * Over several ranks the gradients of this rank's share, while what it gives is of all.
 *
 * @param workOf the micro-batches of a step that are this rank's
 */
export function preferenceGradients(
  steps: ItemSteps<unknown>,
  workOf: (step: number, options: OutcomeOptions, mesh: Mesh) => Iterable<Work>,
  { dtype, activationCheckpointing }: Pick<DpoConfig, 'dtype' | 'activationCheckpointing'>,
  { onPart, mesh = solo, beforeLast, afterLast }: Omit<WithinStep, 'lossOf'> = {},
): (step: number) => StepLoss {
  return (step) => {
    const means = new Means();
    const secondsOf = ownSeconds(mesh);
    let loss = 0;
    let left = steps.microBatchesOf(step, mesh);
    const options = { dtype: computeType(dtype), activationCheckpointing, onPart: onPart?.(step) };
    for (const work of workOf(step, options, mesh))
      scope(() => {
        const found = work();
        if (!found) return;
        if (--left === 0) beforeLast?.();
        backward(found.loss.div(steps.itemsPerStep));
        loss += found.loss.item() / steps.itemsPerStep;
        means.add(found.parts());
      });
    afterLast?.();
    const shares = means.gather(mesh, { seconds: secondsOf(), loss });
    const [before, after] = [steps.tokensAt(step), steps.tokensAt(step + 1)];
    return {
      loss: shares.reduce((sum, share) => sum + share['loss']!, 0),
      tokens: after - before,
      tokensSeen: after,
      metrics: means.found(),
      ...(mesh.world > 1 && { rankSeconds: shares.map((share) => share['seconds']!) }),
    };
  };
}
