// Held-out preferences: how often, and by how much, the policy finds the better answers better.
import type { Measured, Pause } from '../../loop/index.ts';
import { type Mesh, solo } from '../../mesh/index.ts';
import { noGrad, scope } from '../../torch/index.ts';
import { Means, type Work } from './outcome.ts';

/** Means over pairs; with KTO over answers, of which `chosen` are those that are desirable. */
export interface PreferenceEvaluation {
  loss: number;
  /** Share of the pairs whose chosen answer has the higher reward; with KTO of the answers that lie on their side of z₀. */
  accuracy: number;
  /** By how much the rewards of the chosen answers are higher. */
  margin: number;
  chosenReward: number;
  rejectedReward: number;
  /** log π(y|x) of whole answers. */
  chosenLogprob: number;
  rejectedLogprob: number;
  /** Of the policy's distribution at a token of the answers, in nats. */
  entropy: number;
  /** log π − log π_ref of a token of the answers; undefined for losses without a reference. */
  kl?: number | undefined;
  /** z₀ of KTO. */
  mismatchedKl?: number | undefined;
  /** Pairs, or answers. */
  count: number;
}

/**
 * @param works this rank's share: equally many on each rank
 * @typeParam E of what the outcomes tell
 */
export async function evaluatePreferences<E extends object = PreferenceEvaluation>(
  works: Iterable<Work>,
  pause?: Pause,
  mesh: Mesh = solo,
): Promise<E> {
  const means = new Means();
  let count = 0;
  for (const work of works) {
    await pause?.();
    scope(() =>
      noGrad(() => {
        const found = work();
        if (!found) return;
        count += found.count;
        means.add({ loss: [found.loss.item(), found.count], ...found.parts() });
      }),
    );
  }
  const counts = means.gather(mesh, { count });
  count = counts.reduce((sum, share) => sum + share['count']!, 0);
  return { ...means.found(), count } as object as E;
}

/** An evaluation for the log and the terminal. */
export function measuredPreferences(
  found: Pick<PreferenceEvaluation, 'loss' | 'accuracy' | 'margin' | 'count'>,
  what: string,
  when: number | string,
): Measured {
  const { count: _, ...all } = found;
  const metrics = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const moment = typeof when === 'number' ? `step ${when}` : when;
  const right = `${(100 * found.accuracy).toFixed(1)} % of held-out ${what} right`;
  return {
    name: `held-out ${what}`,
    metrics,
    score: found.loss,
    shown: `${moment}: ${right}, loss ${found.loss.toFixed(4)}, margin ${found.margin.toFixed(4)}`,
  };
}
