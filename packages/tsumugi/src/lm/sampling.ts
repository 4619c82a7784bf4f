// Choosing the next token from logits: bias and penalties (adjust.ts), temperature and filters (candidates.ts), then one draw from an
// explicit stream. What may not come at all has been made −∞ before.
import type { RandomStream } from '../base/index.ts';
import { adjust, type Past } from './sampling/adjust.ts';
import { type Candidates, candidates, likeliest } from './sampling/candidates.ts';
import type { SamplingOptions } from './sampling/options.ts';

export { NOT_FINITE } from './sampling/candidates.ts';
export { checkSampling, type SamplingOptions } from './sampling/options.ts';

/** Logits of one token [V], in the precision that the model computes in. */
export type Logits = Float32Array | Float64Array;

const nothing: Past = {};

/**
 * Picks a token id. `logits` [V] is changed in place; ids whose logit is −∞ are never picked.
 *
 * @throws UserError with the code `NOT_FINITE` when a logit is NaN or +∞, or all are −∞
 */
export function sample(
  logits: Logits,
  options: SamplingOptions,
  stream: Pick<RandomStream, 'next'>,
  past: Past = nothing,
): number {
  adjust(logits, options, past);
  const best = likeliest(logits);
  return (options.temperature ?? 0) === 0 ? best : draw(candidates(logits, best, options), stream);
}

/** One of the candidates. */
export function draw({ weights, ids, total }: Candidates, stream: Pick<RandomStream, 'next'>): number {
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
