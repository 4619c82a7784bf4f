// Cross-entropy of the tokens that are to be learned. The others are not asked of the head: where an answer is a tenth of its
// row, nine tenths of the logits are never computed.
import type { Batch, LossOptions, LossParts, Plamo2 } from '../lm/index.ts';
import { IGNORED } from '../text/index.ts';
import { type Device, type Tensor, tensor } from '../torch/index.ts';

/** Hidden states [n, D] of the positions that have a target, and the targets [n]. */
export function answersOf(hidden: Tensor, targets: Int32Array, device: Device): { hidden: Tensor; targets: Tensor } {
  const places: number[] = [];
  for (let i = 0; i < targets.length; i++) if (targets[i] !== IGNORED) places.push(i);
  const rows = hidden.reshape([targets.length, hidden.size(-1)]);
  const wanted = tensor(
    places.map((i) => targets[i]!),
    { dtype: 'int64', device },
  );
  if (places.length === targets.length) return { hidden: rows, targets: wanted };
  return { hidden: rows.indexSelect(0, tensor(places, { dtype: 'int64', device })), targets: wanted };
}

/** `model.loss` of a batch, whose targets are `targets`, too. */
export function answerLoss(model: Plamo2, batch: Batch, targets: Int32Array, options: LossOptions): LossParts {
  const { zLoss, reduction, ...forward } = options;
  const hidden = model.forward(batch.ids, { ...forward, documents: batch.documents });
  const answers = answersOf(hidden, targets, hidden.device);
  return model.lossOf(answers.hidden, answers.targets, { zLoss, reduction });
}
