// A step's gradients of what is learned from pairs: the mean over the pairs of the step, a micro-batch of them at a time.
import type { LossOptions } from '../../lm/index.ts';
import type { StepLoss } from '../../loop/index.ts';
import { backward, scope, type Tensor } from '../../torch/index.ts';
import { type ComputeSettings, computeType, type WithinStep } from '../step-gradients.ts';
import type { PairBatch, PreferenceSteps } from './preference-steps.ts';

/** What came of a micro-batch of pairs: sums over them. */
export interface BatchOutcome<Sums> {
  loss: Tensor;
  /** For the log; asked for once the backward pass is done. */
  sums(): Sums;
}

/** Puts a micro-batch through a model. */
export type OutcomeOf<Sums> = (
  pairs: PairBatch,
  options: Pick<LossOptions, 'dtype' | 'activationCheckpointing' | 'onPart'>,
) => BatchOutcome<Sums>;

export function preferenceGradients(
  steps: PreferenceSteps,
  outcomeOf: OutcomeOf<object>,
  { dtype: computed, activationCheckpointing }: Pick<ComputeSettings, 'dtype' | 'activationCheckpointing'>,
  { onPart }: Pick<WithinStep, 'onPart'> = {},
): (step: number) => StepLoss {
  const dtype = computeType(computed);
  return (step) => {
    const metrics: Record<string, number> = {};
    let loss = 0;
    const seen = onPart?.(step);
    for (const micro of steps.at(step))
      scope(() => {
        const found = outcomeOf(micro, { dtype, activationCheckpointing, onPart: seen });
        backward(found.loss.div(steps.pairsPerStep));
        loss += found.loss.item() / steps.pairsPerStep;
        for (const [name, sum] of Object.entries(found.sums()) as [string, number][])
          metrics[name] = (metrics[name] ?? 0) + sum / steps.pairsPerStep;
      });
    const [before, after] = [steps.tokensAt(step), steps.tokensAt(step + 1)];
    return { loss, tokens: after - before, tokensSeen: after, metrics };
  };
}
