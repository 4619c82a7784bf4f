// The loss of a part of a row. What the last token of a part is to foretell is the first token of the next part: every rank has the targets
// of the whole row, so nothing is asked of another rank.
import { type Mesh, ownPart } from '../../mesh/index.ts';
import { noGrad, scope, type Tensor } from '../../torch/index.ts';
import type { LossOptions, LossParts } from '../types.ts';

/**
 * This rank's share of the loss of whole rows: loss and cross-entropy of all ranks add up to it. The rest is about this rank's targets alone.
 *
 * @param targets [B, T] of the whole rows
 * @param sumOf the loss as a sum over targets
 */
export function lossOfPart(
  mesh: Mesh,
  targets: Tensor,
  reduction: LossOptions['reduction'],
  sumOf: (targets: Tensor) => LossParts,
): LossParts {
  return scope(() => {
    const { from, to } = ownPart(mesh, targets.size(1));
    const parts = sumOf(targets.narrow(1, from, to - from));
    if (reduction === 'sum') return parts;
    const all = noGrad(() => targets.ne(-100).sum().clamp(1));
    return { ...parts, loss: parts.loss.div(all), crossEntropy: parts.crossEntropy.div(all) };
  });
}
