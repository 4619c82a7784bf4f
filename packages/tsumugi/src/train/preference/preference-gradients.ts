// A step's gradients of a preference objective: the mean over the pairs of the step, a micro-batch of them at a time.
import type { LanguageModel } from '../../lm/index.ts';
import type { StepLoss } from '../../loop/index.ts';
import { backward, scope } from '../../torch/index.ts';
import type { DpoConfig } from '../dpo-config.ts';
import { computeType, type WithinStep } from '../step-gradients.ts';
import { pairOutcome } from './pair-outcome.ts';
import type { PreferenceSteps } from './preference-steps.ts';
import type { ReferenceLogprobs } from './reference-logprobs.ts';

/** @param references is asked for at each step: undefined for losses without a reference */
export function preferenceGradients(
  model: LanguageModel,
  steps: PreferenceSteps,
  references: () => ReferenceLogprobs | undefined,
  config: DpoConfig,
  { onPart }: Pick<WithinStep, 'onPart'> = {},
): (step: number) => StepLoss {
  const { activationCheckpointing } = config;
  const dtype = computeType(config.dtype);
  return (step) => {
    const metrics: Record<string, number> = {};
    let loss = 0;
    const seen = onPart?.(step);
    for (const micro of steps.at(step))
      scope(() => {
        const options = { dtype, activationCheckpointing, onPart: seen };
        const found = pairOutcome(model, micro, references(), config, options);
        backward(found.loss.div(steps.pairsPerStep));
        loss += found.loss.item() / steps.pairsPerStep;
        for (const [name, sum] of Object.entries(found.sums()))
          metrics[name] = (metrics[name] ?? 0) + sum / steps.pairsPerStep;
      });
    const [before, after] = [steps.tokensAt(step), steps.tokensAt(step + 1)];
    return { loss, tokens: after - before, tokensSeen: after, metrics };
  };
}
