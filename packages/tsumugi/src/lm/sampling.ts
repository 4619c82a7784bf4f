// Choosing the next token from logits. The filters run in the common order: repetition penalty, temperature, top-k,
// top-p, min-p; then one draw from an explicit stream. Plain loops over typed arrays: of 100,000 words the likeliest is found in
// under a millisecond, and one is drawn in some.
import { ConfigError, type RandomStream, UserError } from '../base/index.ts';

/** The code of errors about numbers that are not finite. */
export const NOT_FINITE = 'not-finite';

/** Logits of one token [V], in the precision that the model computes in. */
export type Logits = Float32Array | Float64Array;

export interface SamplingOptions {
  /** 0 = greedy. Logits are divided by it. */
  temperature?: number;
  /** Keep the k most likely tokens, and those as likely as the last of them; 0 = all. */
  topK?: number;
  /** Keep the smallest set of most likely tokens whose probabilities reach this sum: 1 = all, 0 = the most likely one. */
  topP?: number;
  /** Keep tokens at least this fraction as likely as the most likely one; 0 = all. */
  minP?: number;
  /** Divides positive logits (multiplies negative ones) of tokens already seen; 1 = off. Source: CTRL, arXiv 1909.05858. */
  repetitionPenalty?: number;
}

const ranges: Record<keyof SamplingOptions, [low: number, high: number, text: string]> = {
  temperature: [0, 100, 'a number from 0 (greedy) to 100'],
  topK: [0, Number.MAX_SAFE_INTEGER, 'a whole number, 0 for all'],
  topP: [0, 1, 'a number from 0 to 1'],
  minP: [0, 1, 'a number from 0 to 1'],
  // Further out a penalised logit is no f32 number any more.
  repetitionPenalty: [0.01, 100, 'a number from 0.01 to 100, 1 for none'],
};

/** @throws ConfigError naming the option that is out of range. */
export function checkSampling(options: SamplingOptions): void {
  for (const [name, [low, high, text]] of Object.entries(ranges)) {
    const value = options[name as keyof SamplingOptions];
    const isWhole = name !== 'topK' || Number.isInteger(value);
    if (value === undefined || (Number.isFinite(value) && value >= low && value <= high && isWhole)) continue;
    throw new ConfigError('bad-option', `${name} must be ${text}, got ${value}`, { fields: { option: name } });
  }
}

function penalise(logits: Logits, seen: ReadonlySet<number>, penalty: number): void {
  for (const id of seen) {
    const value = logits[id];
    if (value !== undefined) logits[id] = value > 0 ? value / penalty : value * penalty;
  }
}

/** The id of the largest logit, the first of equals. @throws UserError when there is none, or any is NaN or +∞ */
function likeliest(logits: Logits): number {
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

const noneSeen: ReadonlySet<number> = new Set();

/**
 * Picks a token id. `logits` [V] is changed in place; ids whose logit is −∞ are never picked. `seen` are the ids the
 * repetition penalty applies to.
 *
 * @throws UserError with the code `NOT_FINITE` when a logit is NaN or +∞, or all are −∞
 */
export function sample(
  logits: Logits,
  options: SamplingOptions,
  stream: Pick<RandomStream, 'next'>,
  seen: ReadonlySet<number> = noneSeen,
): number {
  const { temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  if (repetitionPenalty !== 1) penalise(logits, seen, repetitionPenalty);
  const best = likeliest(logits);
  if (temperature === 0) return best;

  // Unnormalised probabilities relative to the best token, whose own is 1; 0 for what is never picked.
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
  if (alone) return draw(weights, undefined, total, stream);

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
  return draw(weights, kept, sumOf(weights, kept), stream);
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
    if (isEnough || left === 0) return ids.sort((a, b) => weights[b]! - weights[a]! || a - b);
  }
}

/** One of `ids` (all, when left out), each with the probability of its share in `total`. */
function draw(
  weights: Float64Array,
  ids: readonly number[] | undefined,
  total: number,
  stream: Pick<RandomStream, 'next'>,
): number {
  let remaining = stream.next() * total;
  let last = 0;
  const count = ids?.length ?? weights.length;
  for (let i = 0; i < count; i++) {
    const id = ids ? ids[i]! : i;
    if (weights[id] === 0) continue;
    last = id;
    remaining -= weights[id]!;
    if (remaining < 0) return id;
  }
  return last;
}
