// Which proposed tokens stand, so that a text is distributed as if the model had written it alone (Leviathan et al. 2023, arXiv
// 2211.17192, appendix A.1).
//
// A token that was drawn from q stands with the probability min(1, p/q); otherwise another is drawn from what p has beyond q. Proposers
// here propose without drawing: q is 1 for one token. Then it stands with the probability p, and the rest of p is what is left. That is
// the same as drawing from p and looking whether it is the token, which is what the engine does: with the same random numbers as without
// a proposal, so that the text is the same one too. This function is for proposals that are drawn.
import type { RandomStream } from '../../../base/index.ts';
import type { Candidates } from '../../sampling/candidates.ts';
import { draw } from '../../sampling.ts';

/** Proposed and stood, or drawn in its place. */
export interface Verdict {
  readonly id: number;
  readonly stood: boolean;
}

/**
 * The token that comes, where `proposed` was drawn from `draft`. Both have been through the same bias, penalties and filters.
 *
 * @param target what the model has
 */
export function accept(
  target: Candidates,
  draft: Candidates,
  proposed: number,
  stream: Pick<RandomStream, 'next'>,
): Verdict {
  const [p, q] = [probabilities(target), probabilities(draft)];
  if (stream.next() * q[proposed]! < p[proposed]!) return { id: proposed, stood: true };
  let total = 0;
  for (let id = 0; id < p.length; id++) {
    p[id] = Math.max(0, p[id]! - q[id]!);
    total += p[id]!;
  }
  return { id: draw({ weights: p, ids: undefined, total }, stream), stood: false };
}

/** [V] */
export function probabilities({ weights, ids, total }: Candidates): Float64Array {
  if (!ids) return weights.map((weight) => weight / total);
  const shares = new Float64Array(weights.length);
  for (const id of ids) shares[id] = weights[id]! / total;
  return shares;
}
