// RAM and RAM+ (tensor-local), for models trained by reinforcement (arXiv 2601.13572): an entry counts as changed in a model when its
// |δ| > ε. Changed in one model, it takes that δ; changed in several, the mean of theirs.
import { stack, type Tensor, zerosLike } from '../../../torch/index.ts';
import { eachPiece, type Piece } from '../tensor-group.ts';
import { deltas } from './combination.ts';
import { type MergeInput, type MergeMethod, numberOf } from './method.ts';

const epsilon = { epsilon: { kind: 'number', default: 1e-5, range: { min: 0 } } } as const;

interface Changes {
  deltas: readonly Tensor[];
  /** For each model, where it changed something. */
  changed: readonly Tensor[];
  /** In how many models an entry changed. */
  count: Tensor;
}

function changesIn(piece: Piece, least: number): Changes {
  const all = deltas(piece);
  const changed = all.map((delta) => delta.abs().gt(least));
  return { deltas: all, changed, count: stack(changed).sum(0) };
}

/** λ = 1 + r · clip(ρ, 0, α) for each model, ρ = entries changed in others too / entries changed in it alone. */
function gains(input: MergeInput): number[] {
  const [least, r, alpha] = ['epsilon', 'r', 'alpha'].map((name) => numberOf(input.shared, name)) as [
    number,
    number,
    number,
  ];
  const sharedCounts = input.models.map(() => 0);
  const ownCounts = input.models.map(() => 0);
  eachPiece(input, (piece) => {
    const { changed, count } = changesIn(piece, least);
    for (const [i, mask] of changed.entries()) {
      sharedCounts[i]! += mask.logicalAnd(count.gt(1)).sum().item();
      ownCounts[i]! += mask.logicalAnd(count.eq(1)).sum().item();
    }
  });
  return sharedCounts.map((shared, i) => {
    const rho = shared / Math.max(ownCounts[i]!, least);
    return 1 + r * Math.min(alpha, Math.max(0, Number.isNaN(rho) ? 0 : rho));
  });
}

function withGains(input: MergeInput, gain: readonly number[]) {
  const least = numberOf(input.shared, 'epsilon');
  return (piece: Piece): Tensor => {
    const { deltas, changed, count } = changesIn(piece, least);
    const alone = count.eq(1);
    const divisor = count.clamp(1).to(piece.base!.dtype);
    const sum = zerosLike(piece.base!);
    for (const [i, delta] of deltas.entries()) {
      const kept = delta.mul(changed[i]!).div_(divisor);
      sum.add_(kept).add_(kept.mul(alone), { alpha: gain[i]! - 1 });
    }
    return sum.add_(piece.base!);
  };
}

export const ram: MergeMethod = {
  models: { min: 1 },
  base: 'required',
  shared: epsilon,
  own: {},
  passes: 1,
  prepare: (input) =>
    withGains(
      input,
      input.models.map(() => 1),
    ),
};

export const ramplusTl: MergeMethod = {
  models: { min: 1 },
  base: 'required',
  shared: {
    ...epsilon,
    r: { kind: 'number', default: 0.1 },
    alpha: { kind: 'number', default: 0.2, range: { min: 0 } },
  },
  own: {},
  passes: 2,
  prepare: (input) => withGains(input, gains(input)),
};
