// Lengths and angles of the tensors of a group. Methods that work with directions have results in the span of their tensors: the
// factors follow from the inner products alone, and these add up over pieces.
import { stack, type Tensor } from '../../../torch/index.ts';
import { eachPiece, type TensorGroup } from '../tensor-group.ts';
import { vectors } from './combination.ts';

/** ⟨xᵢ, xⱼ⟩ in float64, of the tensors or, with a base, of the δ's. */
export type Gram = readonly (readonly number[])[];

export function gramOf(group: TensorGroup): Gram {
  const n = group.models.length;
  const gram = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  eachPiece(group, (piece) => {
    const flat = stack(vectors(piece)).reshape([n, -1]).double();
    const part = flat.matmul(flat.t()).tolist() as number[][];
    for (const [i, row] of part.entries()) for (const [j, value] of row.entries()) gram[i]![j]! += value;
  });
  return gram;
}

export const lengthOf = (gram: Gram, i: number): number => Math.sqrt(gram[i]![i]!);

/** ⟨xᵢ, xⱼ⟩ / (‖xᵢ‖ ‖xⱼ‖), within [−1, 1]; 0 for a vector of zeros. */
export function cosine(gram: Gram, i: number, j: number): number {
  const product = lengthOf(gram, i) * lengthOf(gram, j);
  return product === 0 ? 0 : Math.min(1, Math.max(-1, gram[i]![j]! / product));
}

/** aᵀ G b */
export const inner = (gram: Gram, a: readonly number[], b: readonly number[]): number =>
  gram.reduce((sum, row, i) => sum + a[i]! * row.reduce((part, value, j) => part + value * b[j]!, 0), 0);

/** Σ x² of each row (`dim` −1) or column (0) of a float64 matrix. */
export const squares = (x: Tensor, dim: number): Tensor => x.mul(x).sum(dim, true);
