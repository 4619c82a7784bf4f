// The tokens that a draw is made from: temperature, top-k, top-p and min-p over logits, in this order. Plain loops over typed arrays:
// of 100,000 words the likeliest is found in under a millisecond, and the candidates in some.
import { UserError } from '../../base/index.ts';
import type { Logits } from '../sampling.ts';
import type { SamplingOptions } from './options.ts';

/** The code of errors about numbers that are not finite. */
export const NOT_FINITE = 'not-finite';

/** Tokens that may be drawn, each with the probability of its weight's share in the total. */
export interface Candidates {
  /** [V], relative to the likeliest token, whose own is 1; 0 for what is never picked. Weights of ids left out are to be ignored. */
  readonly weights: Float64Array;
  /** In falling order of their weights; undefined for all that have one. */
  readonly ids: readonly number[] | undefined;
  /** The sum of their weights. */
  readonly total: number;
}

/** The id of the largest logit, the first of equals. @throws UserError when there is none, or any is NaN or +∞ */
export function likeliest(logits: Logits): number {
  let best = 0;
  let peak = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id]!;
    // True for NaN too, which is neither above nor below.
    if (!(value <= peak)) {
      if (!(value < Number.POSITIVE_INFINITY)) throw notUsable(`${value} for id ${id}`);
      [best, peak] = [id, value];
    }
  }
  if (peak === Number.NEGATIVE_INFINITY) throw notUsable('−∞ for every id');
  return best;
}

function notUsable(what: string): UserError {
  return new UserError(NOT_FINITE, `no token can be chosen: the logits are ${what}`, {
    remedy: 'Look for where the model first computes NaN or ∞.',
  });
}

/** The candidates at a temperature above 0; `best` is the likeliest token. */
export function candidates(logits: Logits, best: number, options: SamplingOptions): Candidates {
  const { temperature = 0, topK = 0, topP = 1, minP = 0 } = options;
  const peak = logits[best]!;
  const count = topK < logits.length ? topK : 0;
  const alone = count === 0 && topP === 1; // Min-p comes last, so it can cut at once only where no filter comes before it.
  const least = Math.max(alone ? minP : 0, Number.MIN_VALUE);
  const weights = new Float64Array(logits.length);
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    const weight = Math.exp((logits[id]! - peak) / temperature);
    if (weight < least) continue;
    weights[id] = weight;
    total += weight;
  }
  if (alone) return { weights, ids: undefined, total };

  let kept = mostLikely(weights, count > 0 ? { count } : { weight: topP * total });
  if (count > 0) {
    const last = weights[kept[count - 1]!]!;
    kept = kept.filter((id, rank) => rank < count || weights[id] === last);
    total = sumOf(weights, kept);
  }
  if (topP < 1) {
    let reached = 0;
    const length = kept.findIndex((id) => {
      reached += weights[id]!;
      return reached >= topP * total;
    });
    if (length >= 0) kept = kept.slice(0, length + 1);
  }
  if (minP > 0) kept = kept.filter((id) => weights[id]! >= minP);
  return { weights, ids: kept, total: sumOf(weights, kept) };
}

function sumOf(weights: Float64Array, ids: readonly number[]): number {
  let sum = 0;
  for (const id of ids) sum += weights[id]!;
  return sum;
}

/**
 * The ids of the largest weights in falling order, equal ones by id: at least so many, or so much together. Few tokens have
 * nearly all the weight, so it looks among the heavy ones first and seldom sorts more than some hundreds.
 */
function mostLikely(weights: Float64Array, enough: { count: number } | { weight: number }): number[] {
  for (let least = 1 / 16; ; least /= 64) {
    const ids: number[] = [];
    let [sum, left] = [0, 0];
    for (let id = 0; id < weights.length; id++) {
      const weight = weights[id]!;
      if (weight === 0) continue;
      if (weight < least) {
        left++;
        continue;
      }
      ids.push(id);
      sum += weight;
    }
    const isEnough = 'count' in enough ? ids.length >= enough.count : sum >= enough.weight;
    if (isEnough || left === 0) return ids.sort((a, b) => weights[b]! - weights[a]!); // equal ones stay in order
  }
}
