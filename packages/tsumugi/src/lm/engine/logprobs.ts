// Log-probabilities of a token that was chosen, and of the likeliest ones beside it: the model's own, over its whole
// vocabulary, before temperature, penalty and filters.
import type { Logits } from '../sampling.ts';

export interface TokenLogprobs {
  /** ln p of the token that was chosen. */
  logprob: number;
  /** The likeliest tokens in falling order, equal ones by id. */
  top: { id: number; logprob: number }[];
}

/** Reads logits [V] before they are changed. Returns a function that gives the log-probabilities of a chosen token. */
export function logprobsOf(logits: Logits, count: number): (id: number) => TokenLogprobs {
  const likeliest = largest(logits, count);
  const own = logits.slice();
  const total = logSumExp(logits);
  const top = likeliest.map((id) => ({ id, logprob: own[id]! - total }));
  return (id) => ({ logprob: own[id]! - total, top });
}

function logSumExp(values: Logits): number {
  let peak = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > peak) peak = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - peak);
  return peak + Math.log(sum);
}

/** The ids of the `count` largest values, found in one pass: few are asked for. */
function largest(values: Logits, count: number): number[] {
  const ids: number[] = [];
  for (let id = 0; id < values.length; id++) {
    const value = values[id]!;
    if (ids.length === count && !(value > values[ids[count - 1]!]!)) continue;
    let place = ids.length;
    while (place > 0 && value > values[ids[place - 1]!]!) place--;
    ids.splice(place, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
}
