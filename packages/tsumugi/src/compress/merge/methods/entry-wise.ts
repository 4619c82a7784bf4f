// Methods that choose for each entry how far to go from the base to another model.
import type { Tensor } from '../../../torch/index.ts';
import { cutsAt } from '../order-statistics.ts';
import { eachPiece, type Piece } from '../tensor-group.ts';
import { type MergeMethod, numberOf } from './method.ts';
import { deltaOf } from './sparsify.ts';

/** To the other model by min(1, t / |θ_b − θ₁|): where the two are near each other, all the way. */
export const nearswap: MergeMethod = {
  models: { min: 1, max: 1 },
  base: 'required',
  shared: { t: { kind: 'number', range: { min: 0 } } },
  own: {},
  passes: 1,
  prepare({ shared }) {
    const t = numberOf(shared, 't');
    return (piece) => {
      const delta = deltaOf(piece, 0);
      // sign(δ) · min(|δ|, t) is δ · min(1, t / |δ|), and defined for δ = 0.
      return delta.clamp(-t, t).add_(piece.base!);
    };
  },
};

const tiny = 1e-8;

/** |δ| · KL(softmax of a row of θ₁ ‖ softmax of the same row of θ_b) */
function importance(piece: Piece): Tensor {
  const [p, q] = [piece.models[0]!, piece.base!].map((each) => each.softmax(-1).add_(tiny)) as [Tensor, Tensor];
  return deltaOf(piece, 0)
    .abs()
    .mul(p.mul(p.div(q).log()).sum(-1, true).clamp(0));
}

/** δ where its importance is at least median + 1.5 · (third − first quartile), else nothing. */
export const arceeFusion: MergeMethod = {
  models: { min: 1, max: 1 },
  base: 'required',
  shared: {},
  own: {},
  passes: 3,
  prepare(input) {
    const n = input.rows * input.columns;
    // The q-quantile is the entry at floor(q (n − 1)) in rising order, as in mergekit (which samples beyond a million entries).
    const ranks = [0.25, 0.5, 0.75].map((q) => n - Math.floor(q * (n - 1)));
    const cuts = cutsAt(ranks, (see) => eachPiece(input, (piece) => see(importance(piece))));
    const [q1, median, q3] = cuts.map(({ threshold }) => threshold) as [number, number, number];
    const threshold = median + 1.5 * (q3 - q1);
    return (piece) => deltaOf(piece, 0).mul(importance(piece).ge(threshold)).add_(piece.base!);
  },
};
