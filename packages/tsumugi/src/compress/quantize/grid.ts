// The numbers that a group of weights is rounded to: q codes of b bits, a scale (float16, as it is stored) and a zero.
//
//   symmetric:  scale = 2·max|w| / (2^b − 1),  zero = 2^(b−1)                          (Frantar et al. 2022, the reference's choice)
//   otherwise:  scale = (max − min) / (2^b − 1) ≥ 1e-5,  zero = −round(min / scale)    with min ≤ 0 ≤ max (compress.md 2.4)
//   code(w) = clip(round(w / scale) + zero, 0, 2^b − 1)                                w ≈ (code − zero) · scale
import { UserError } from '../../base/index.ts';
import type { CodeBits } from '../../store/index.ts';
import type { Tensor } from '../../torch/index.ts';

export interface GridOptions {
  bits: CodeBits;
  symmetric: boolean;
  /** 1 where a zero of 0 cannot be kept (GPTQ's layout); 0 when left out. */
  leastZero?: number | undefined;
}

/** Of groups: scales float32 (numbers of float16) and zeros float32 [...]. */
export interface Grid {
  scales: Tensor;
  zeros: Tensor;
}

const leastScale = 1e-5;

/** Groups of weights [..., g] → their grid [...]. @throws UserError when a weight is no number or too large for float16 */
export function gridOf(groups: Tensor, { bits, symmetric, leastZero = 0 }: GridOptions): Grid {
  const most = 2 ** bits - 1;
  const high = groups.amax([-1]).clamp(0);
  const low = groups.amin([-1]); // above 0: the range begins at 0 all the same
  const range = symmetric ? high.maximum(low.neg()).mul(2) : high.sub(low).maximum(high.mul(most / (most - leastZero)));
  const scales = range.div(most).clamp(leastScale).to('float16').float();
  if (!scales.isfinite().all().item())
    throw new UserError('not-finite', 'a weight is no number, or too large for a scale in float16', {
      remedy: 'Look at the model with "tsumugi score" or "tsumugi eval" first.',
    });
  const zeros = symmetric ? scales.mul(0).add(2 ** (bits - 1)) : low.div(scales).round().neg().clamp(leastZero, most);
  return { scales, zeros };
}

/** Codes of weights under scales and zeros that broadcast against them: float32, whole numbers. */
export const codesOf = (weights: Tensor, { scales, zeros }: Grid, bits: CodeBits): Tensor =>
  weights
    .div(scales)
    .round()
    .add(zeros)
    .clamp(0, 2 ** bits - 1);

/** The nearest numbers of the grid. */
export const onGrid = (weights: Tensor, grid: Grid, bits: CodeBits): Tensor =>
  codesOf(weights, grid, bits).sub(grid.zeros).mul(grid.scales);
