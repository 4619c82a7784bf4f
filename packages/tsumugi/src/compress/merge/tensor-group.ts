// The tensors of one name, in the models that are merged. They are seen as matrices, rows along the last dimension, and read in
// pieces of whole rows: a method never needs a whole tensor in memory.
import { numElements, scope, type Tensor } from '../../torch/index.ts';

/** The rows of a tensor in one model: [count, columns], in the type that is computed in. */
export type RowReader = (row: number, count: number) => Tensor;

export interface TensorGroup {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** θ_b */
  readonly base: RowReader | undefined;
  /** θ_i, the base not among them. */
  readonly models: readonly RowReader[];
  /** Rows of a piece. What is drawn at random is drawn for each piece, so the number follows from the shape alone. */
  readonly pieceRows: number;
}

/** The same rows of all tensors of a group: [rows, columns] each. */
export interface Piece {
  /** The first row. */
  readonly row: number;
  readonly base: Tensor | undefined;
  readonly models: readonly Tensor[];
}

/** Numbers of a piece: 16 MB in float32. */
const pieceElements = 1 << 22;

/** Rows and columns of a tensor: a vector is one row. */
export function matrixShape(shape: readonly number[]): { rows: number; columns: number; pieceRows: number } {
  const columns = shape.at(-1) ?? 1;
  const rows = columns === 0 ? 0 : numElements(shape) / columns;
  return { rows, columns, pieceRows: Math.max(1, Math.floor(pieceElements / Math.max(1, columns))) };
}

/** Hands the pieces to `visit`, in order; what it makes is freed after each, except what it returns. */
export function* pieces<T>(group: TensorGroup, visit: (piece: Piece) => T): Generator<T> {
  const { rows, pieceRows, base, models } = group;
  // An empty tensor is one empty piece.
  for (let row = 0; row < rows || row === 0; row += pieceRows) {
    const count = Math.min(pieceRows, rows - row);
    yield scope(() => visit({ row, base: base?.(row, count), models: models.map((read) => read(row, count)) }));
  }
}

/** For what is only looked at. */
export function eachPiece(group: TensorGroup, visit: (piece: Piece) => void): void {
  for (const _ of pieces(group, visit));
}
