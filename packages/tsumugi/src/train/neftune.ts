// NEFTune (Jain et al. 2023, arXiv 2310.05914): while a model learns, uniform noise in ±α / √(L·D) is added to the embeddings of each
// example, L its tokens and D the hidden size. Each example's noise follows from the seed, the step and its place among the examples of the step, so
// that it is the same however they lie in rows.
import { deriveSeed } from '../base/index.ts';
import type { ExampleBatch } from '../text/index.ts';
import { type Device, Rng, scope, type Tensor, zeros } from '../torch/index.ts';

export interface NeftuneOptions {
  /** α; 0 is no noise. */
  alpha: number;
  /** D */
  width: number;
  seed: number;
  /** From 0. */
  step: number;
  device: Device;
}

/** Noise [rows, T, D] for the rows [first, first + rows) of a batch; 0 where there is no example. */
export function neftuneNoise(
  { placed, columns }: Pick<ExampleBatch, 'placed' | 'columns'>,
  first: number,
  rows: number,
  { alpha, width, seed, step, device }: NeftuneOptions,
): Tensor {
  return scope(() => {
    const noise = zeros([rows, columns, width], { device });
    for (const { example, position, row, column } of placed) {
      if (row < first || row >= first + rows) continue;
      const { length } = example.ids;
      const bound = alpha / Math.sqrt(length * width);
      const rng = new Rng(deriveSeed(seed, 'neftune', step, position), device);
      noise
        .select(0, row - first)
        .narrow(0, column, length)
        .uniform_(-bound, bound, { rng });
    }
    return noise;
  });
}
