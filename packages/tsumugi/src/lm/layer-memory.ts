// What the layers of a model ask of whatever its texts are remembered by: a cache, or the pages and slots of a pool.
import type { Tensor } from '../torch/index.ts';

/** Keys and values of an attention layer. */
export interface AttentionMemory {
  /**
   * Adds the keys and values of new tokens and attends to all that these can reach.
   *
   * @param q [B, T, H, d]
   * @param k [B, T, K, d], like v
   * @returns [B, T, H, d]
   */
  attend(q: Tensor, k: Tensor, v: Tensor): Tensor;
}

/** What new tokens bring to the scan of a Mamba layer. */
export interface ScanInputs {
  /** [B, T, m, P] */
  x: Tensor;
  /** [B, T, m]: Δ before its bias and softplus */
  dt: Tensor;
  /** [m] */
  bias: Tensor;
  /** [m], negative */
  A: Tensor;
  /** [B, T, N] */
  B: Tensor;
  /** [B, T, N] */
  C: Tensor;
  /** [m] */
  D: Tensor;
}

/** The states of a Mamba layer. */
export interface MambaMemory {
  /** The short convolution with SiLU of u [B, T, C] by `weight` [C, 1, k], which goes on from the inputs before. */
  convolve(u: Tensor, weight: Tensor): Tensor;
  /** y [B, T, m, P]; goes on from the state, in chunks of so many tokens. */
  scan(inputs: ScanInputs, chunk: number): Tensor;
}

/** What a pass of the model goes on from, and leaves behind. */
export interface PassMemory {
  readonly layers: readonly (AttentionMemory | MambaMemory)[];
  /**
   * Called before the layers, with the shape [B, T] of the ids. Tells the position of the first token, from which the others go on, or
   * of every token of a row. @throws ShapeError for ids that do not fit
   */
  startPass(shape: readonly number[]): number | readonly number[];
  /** Called after the layers. */
  endPass(shape: readonly number[]): void;
}
