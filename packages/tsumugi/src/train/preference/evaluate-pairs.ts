// Held-out pairs: how often, and by how much, the policy finds the chosen answer better.
import type { Measured, Pause } from '../../loop/index.ts';
import type { PreferenceExample } from '../../text/index.ts';
import { type DType, noGrad, scope } from '../../torch/index.ts';
import type { PreferenceSums } from './pair-outcome.ts';
import type { OutcomeOf } from './preference-gradients.ts';
import { type PreferenceStepsOptions, pairBatches } from './preference-steps.ts';

/** Means over the pairs. */
export type Measurement<Sums> = Sums & { loss: number; pairs: number };
export type PairEvaluation = Measurement<PreferenceSums>;

export interface PairEvaluationOptions extends Pick<PreferenceStepsOptions, 'layout' | 'sequenceLength' | 'padding'> {
  /** Pairs that go through at a time. */
  batchSize: number;
  dtype: DType | undefined;
  pause?: Pause | undefined;
}

export async function evaluatePairs<Sums extends object>(
  pairs: readonly PreferenceExample[],
  outcomeOf: OutcomeOf<Sums>,
  options: PairEvaluationOptions,
): Promise<Measurement<Sums>> {
  const sums: Record<string, number> = {};
  const add = (found: object) => {
    for (const [name, value] of Object.entries(found) as [string, number][]) sums[name] = (sums[name] ?? 0) + value;
  };
  for (const batch of pairBatches(pairs, options)) {
    await options.pause?.();
    scope(() =>
      noGrad(() => {
        const found = outcomeOf(batch, { dtype: options.dtype });
        add({ loss: found.loss.item(), ...found.sums() });
      }),
    );
  }
  const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / pairs.length]));
  return { ...means, pairs: pairs.length } as Measurement<Sums>;
}

/** An evaluation for the log and the terminal. */
export function measuredPairs(
  found: Measurement<{ accuracy: number; margin: number }>,
  when: number | string,
): Measured {
  const { pairs: _, ...metrics } = found as Measurement<Record<string, number>>;
  const moment = typeof when === 'number' ? `step ${when}` : when;
  const right = `${(100 * found.accuracy).toFixed(1)} % of held-out pairs right`;
  return {
    name: 'held-out pairs',
    metrics,
    score: found.loss,
    shown: `${moment}: ${right}, loss ${found.loss.toFixed(4)}, margin ${found.margin.toFixed(4)}`,
  };
}
