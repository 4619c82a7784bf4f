// Held-out pairs: how often, and by how much, the policy finds the chosen answer better.
import type { LanguageModel } from '../../lm/index.ts';
import type { Measured, Pause } from '../../loop/index.ts';
import type { PreferenceExample } from '../../text/index.ts';
import { type DType, noGrad, scope } from '../../torch/index.ts';
import { type PreferenceSums, pairOutcome } from './pair-outcome.ts';
import type { Objective } from './preference-objective.ts';
import { type PreferenceStepsOptions, pairBatches } from './preference-steps.ts';
import type { ReferenceLogprobs } from './reference-logprobs.ts';

/** Means over the pairs. */
export interface PairEvaluation extends PreferenceSums {
  loss: number;
  pairs: number;
}

export interface PairEvaluationOptions extends Pick<PreferenceStepsOptions, 'layout' | 'sequenceLength' | 'padding'> {
  /** Pairs that go through at a time. */
  batchSize: number;
  dtype: DType | undefined;
  pause?: Pause | undefined;
}

export async function evaluatePairs(
  model: LanguageModel,
  pairs: readonly PreferenceExample[],
  references: ReferenceLogprobs | undefined,
  objective: Objective,
  options: PairEvaluationOptions,
): Promise<PairEvaluation> {
  const sums: Record<string, number> = {};
  const add = (found: Record<string, number>) => {
    for (const [name, value] of Object.entries(found)) sums[name] = (sums[name] ?? 0) + value;
  };
  for (const batch of pairBatches(pairs, options)) {
    await options.pause?.();
    scope(() =>
      noGrad(() => {
        const found = pairOutcome(model, batch, references, objective, {
          dtype: options.dtype,
        });
        add({ loss: found.loss.item(), ...found.sums() });
      }),
    );
  }
  const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / pairs.length]));
  return { ...means, pairs: pairs.length } as PairEvaluation;
}

/** An evaluation for the log and the terminal. */
export function measuredPairs(found: PairEvaluation, when: number | string): Measured {
  const { pairs: _, ...metrics } = found;
  const moment = typeof when === 'number' ? `step ${when}` : when;
  const right = `${(100 * found.accuracy).toFixed(1)} % of held-out pairs right`;
  return {
    name: 'held-out pairs',
    metrics,
    score: found.loss,
    shown: `${moment}: ${right}, loss ${found.loss.toFixed(4)}, margin ${found.margin.toFixed(4)}`,
  };
}
