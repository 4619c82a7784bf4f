// Model Stock (Jang et al. 2024, arXiv 2403.19522): between base and mean of the models, by the angle between their δ's.
import { scope, type Tensor } from '../../../torch/index.ts';
import type { Piece } from '../tensor-group.ts';
import { combination, deltas } from './combination.ts';
import { cosine, gramOf, squares } from './gram.ts';
import { isOn, type MergeInput, type MergeMethod, refuse } from './method.ts';

const noRatio = (input: MergeInput) =>
  refuse(
    'opposite-models',
    input,
    'the models differ from the base in directions so opposite that there is no ratio',
    'Leave one of them out, or merge this tensor with another method.',
  );

/** t = N cos / (1 + (N − 1) cos) */
function ratio(input: MergeInput, cos: number): number {
  const n = input.models.length;
  const divisor = 1 + (n - 1) * cos;
  if (Math.abs(divisor) < 1e-6) throw noRatio(input);
  return (n * cos) / divisor;
}

function pairs(n: number): [number, number][] {
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n - i - 1 }, (_, k): [number, number] => [i, i + k + 1]),
  ).flat();
}

/** t · mean(θᵢ) + (1 − t) · θ_b */
function toward({ base, models }: Piece, t: number | Tensor): Tensor {
  const offset = combination(
    models,
    models.map(() => 1 / models.length),
  ).sub_(base!);
  return (typeof t === 'number' ? offset.mul_(t) : offset.mul_(t)).add_(base!);
}

/** The mean cosine of each row: [rows, 1], float64. */
function rowCosines(piece: Piece): Tensor {
  return scope(() => {
    const all = deltas(piece).map((delta) => delta.double());
    const lengths = all.map((delta) => squares(delta, -1).sqrt());
    const cosines = pairs(all.length).map(([i, j]) =>
      all[i]!.mul(all[j]!).sum(-1, true).div(lengths[i]!.mul(lengths[j]!).clamp(1e-6)).clamp(-1, 1),
    );
    return combination(
      cosines,
      cosines.map(() => 1 / cosines.length),
    );
  });
}

export const modelStock: MergeMethod = {
  models: { min: 2 },
  base: 'required',
  shared: { filter_wise: { kind: 'boolean', default: false } },
  own: {},
  passes: 2,
  prepare(input) {
    const n = input.models.length;
    if (isOn(input.shared, 'filter_wise'))
      return (piece) => {
        const cos = rowCosines(piece);
        const divisor = cos.mul(n - 1).add(1);
        if (divisor.abs().lt(1e-6).any().item()) throw noRatio(input);
        return toward(piece, cos.mul(n).div(divisor).to(piece.base!.dtype));
      };
    const gram = gramOf(input);
    const cosines = pairs(n).map(([i, j]) => cosine(gram, i, j));
    const t = ratio(input, cosines.reduce((a, b) => a + b, 0) / cosines.length);
    return (piece) => toward(piece, t);
  },
};
