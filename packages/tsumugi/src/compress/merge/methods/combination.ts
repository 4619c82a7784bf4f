// Sums of tensors with a factor for each.
import type { Tensor } from '../../../torch/index.ts';
import type { Piece } from '../tensor-group.ts';

/** Σ cᵢ xᵢ; factors are numbers, or tensors that broadcast. */
export function combination(tensors: readonly Tensor[], factors: readonly (number | Tensor)[]): Tensor {
  const scaled = (i: number) => {
    const factor = factors[i]!;
    return typeof factor === 'number' ? tensors[i]!.mul(factor) : tensors[i]!.mul(factor);
  };
  const sum = scaled(0);
  for (let i = 1; i < tensors.length; i++) {
    const factor = factors[i]!;
    if (typeof factor === 'number') sum.add_(tensors[i]!, { alpha: factor });
    else sum.add_(scaled(i));
  }
  return sum;
}

/** δᵢ = θᵢ − θ_b */
export const deltas = ({ base, models }: Piece): Tensor[] => models.map((model) => model.sub(base!));

/** The vectors a method works in: δ's where there is a base, the tensors themselves where there is none. */
export const vectors = (piece: Piece): readonly Tensor[] => (piece.base ? deltas(piece) : piece.models);

/** `result`, seen from the base where there is one. */
export const fromBase = (piece: Piece, result: Tensor): Tensor => (piece.base ? result.add_(piece.base) : result);
