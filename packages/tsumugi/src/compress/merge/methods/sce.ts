// SCE (Wan et al. 2024, FuseChat, arXiv 2408.07990): select entries by variance, calculate a weight for each model, erase minorities.
import { stack, type Tensor, zerosLike } from '../../../torch/index.ts';
import { cutsAt, largest } from '../order-statistics.ts';
import { eachPiece, type Piece } from '../tensor-group.ts';
import { deltas } from './combination.ts';
import { type MergeInput, type MergeMethod, numberOf, refuse } from './method.ts';
import { agreeing } from './task-vectors.ts';

const variance = (piece: Piece): Tensor => stack(deltas(piece)).var([0], false);

/** Makes the mask of selected entries, from the first piece on; undefined when all are. */
function selection(input: MergeInput): () => ((piece: Piece) => Tensor) | undefined {
  const share = numberOf(input.shared, 'select_topk');
  if (share >= 1) return () => undefined;
  let varying = 0;
  eachPiece(input, (piece) => {
    varying += variance(piece).gt(0).sum().item();
  });
  // Entries in which the models do not differ are not counted, and not selected.
  if (varying === 0) return () => (piece) => zerosLike(piece.base!).bool();
  const kept = Math.floor(share * varying);
  if (kept === 0)
    throw refuse(
      'nothing-kept',
      input,
      `select_topk ${share} selects none of ${varying} entries in which the models differ`,
      'Raise select_topk, for this tensor by a filter.',
    );
  const [cut] = cutsAt([kept], (see) => eachPiece(input, (piece) => see(variance(piece))));
  return () => {
    const isLargest = largest(cut!);
    return (piece) => isLargest(variance(piece));
  };
}

export const sce: MergeMethod = {
  models: { min: 2 },
  base: 'required',
  shared: { select_topk: { kind: 'number', default: 1, range: { min: 0, max: 1 } } },
  own: {},
  passes: 5,
  prepare(input) {
    const select = selection(input);
    const selected = (mask: ((piece: Piece) => Tensor) | undefined) => (piece: Piece) => {
      const kept = mask?.(piece);
      return deltas(piece).map((delta) => (kept ? delta.mul(kept) : delta));
    };
    const squares = input.models.map(() => 0);
    const first = selected(select());
    eachPiece(input, (piece) => {
      for (const [i, delta] of first(piece).entries()) squares[i]! += delta.mul(delta).sum({ dtype: 'float64' }).item();
    });
    const total = squares.reduce((a, b) => a + b, 0);
    const weights = squares.map((each) => (total === 0 ? 1 / squares.length : each / total));
    const second = selected(select());
    return (piece) => {
      const parts = second(piece);
      const sum = zerosLike(piece.base!);
      const divisor = zerosLike(sum);
      // The vote is taken over the δ's themselves.
      for (const [i, mask] of agreeing(parts).entries()) {
        sum.add_(parts[i]!.mul(mask), { alpha: weights[i]! });
        divisor.add_(mask.to(sum.dtype), { alpha: weights[i]! });
      }
      return sum.div_(divisor.maskedFill_(divisor.eq(0), 1)).add_(piece.base!);
    };
  },
};
