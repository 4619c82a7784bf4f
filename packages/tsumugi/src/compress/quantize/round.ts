// Rounding to the nearest number, group by group: needs no data, and is what the other methods are compared with.
import type { QuantizedCodes } from '../../store/index.ts';
import { scope, type Tensor } from '../../torch/index.ts';
import { codesOf, type Grid, type GridOptions, gridOf, onGrid } from './grid.ts';

export interface RoundOptions extends GridOptions {
  /** Inputs of a group; −1: all of them. */
  groupSize: number;
}

/** [out, in] → [out, groups, g] */
export function grouped(weight: Tensor, groupSize: number): Tensor {
  const [outputs, inputs] = weight.shape as [number, number];
  const size = groupSize === -1 ? inputs : groupSize;
  return weight.reshape([outputs, inputs / size, size]);
}

const broadcast = ({ scales, zeros }: Grid): Grid => ({ scales: scales.unsqueeze(-1), zeros: zeros.unsqueeze(-1) });

/** The nearest codes of a weight [out, in] float32. */
export function roundToNearest(weight: Tensor, options: RoundOptions): QuantizedCodes {
  return scope(() => {
    const groups = grouped(weight, options.groupSize);
    const grid = gridOf(groups, options);
    const codes = codesOf(groups, broadcast(grid), options.bits).reshape(weight.shape);
    return {
      codes: codes.transpose(0, 1).to('int32').contiguous(),
      zeros: grid.zeros.transpose(0, 1).to('int32').contiguous(),
      scales: grid.scales.transpose(0, 1).to('float16').contiguous(),
    };
  });
}

/** The weight [out, in] as it is after rounding. */
export const rounded = (weight: Tensor, options: RoundOptions): Tensor =>
  scope(() => {
    const groups = grouped(weight, options.groupSize);
    return onGrid(groups, broadcast(gridOf(groups, options)), options.bits).reshape(weight.shape);
  });
