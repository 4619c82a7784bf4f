// The loss of a part of a row. What the last token of a part is to foretell is the first token of the next part: every rank has the targets
// of the whole row, so nothing is asked of another rank.
import { type Mesh, ownPart } from '../../mesh/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import type { LossOptions, LossParts } from '../types.ts';

/**
 * This rank's share of the loss of whole rows: the shares of all ranks add up to it, in every number.
 *
 * @param targets [B, T] of the whole rows
 * @param sumOf the loss as a sum over the targets of this rank
 */
export function lossOfPart(
  mesh: Mesh,
  targets: Tensor,
  reduction: LossOptions['reduction'],
  sumOf: (targets: Tensor) => LossParts,
): LossParts {
  return scope(() => {
    const T = targets.size(1);
    const { from, to } = ownPart(mesh, T);
    const { loss, crossEntropy, meanSquaredLogsumexp, count } = sumOf(targets.narrow(1, from, to - from));
    const { share, divisor } = noGrad(() => {
      const all = targets.ne(-100).sum().clamp(1);
      return { share: meanSquaredLogsumexp.mul(count).div(all), divisor: all };
    });
    if (reduction === 'sum') return { loss, crossEntropy, meanSquaredLogsumexp: share, count };
    return { loss: loss.div(divisor), crossEntropy: crossEntropy.div(divisor), meanSquaredLogsumexp: share, count };
  });
}
