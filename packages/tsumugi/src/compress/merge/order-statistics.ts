// The k largest of many numbers that are seen in pieces, by two passes over the bits of float32: a number's upper 16 bits, then the
// lower 16 of those that share the upper ones. Bits of numbers ≥ 0 are in the order of the numbers.
import type { Tensor } from '../../torch/index.ts';

/** Where the k largest end. */
export interface Cut {
  /** The k-th largest number. */
  readonly threshold: number;
  /** How many are larger. */
  readonly above: number;
  /** How many are equal to it. */
  readonly equal: number;
  readonly k: number;
}

/** Calls `see` with the numbers, all ≥ 0, piece by piece; it is called twice and must give the same. */
export type Numbers = (see: (numbers: Tensor) => void) => void;

const bitsOf = (numbers: Tensor): Uint32Array => new Uint32Array((numbers.to('float32').data() as Float32Array).buffer);

const asNumber = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!;

/** Goes down from the highest bin until at least `k` are counted: the bin, and how many are above it. */
function descend(bins: Float64Array, k: number): [bin: number, above: number] {
  let above = 0;
  for (let bin = bins.length - 1; bin >= 0; bin--) {
    if (above + bins[bin]! >= k) return [bin, above];
    above += bins[bin]!;
  }
  return [0, above - bins[0]!];
}

/** A cut for each k, 1 ≤ k ≤ the number of numbers. */
export function cutsAt(ks: readonly number[], numbers: Numbers): Cut[] {
  const upper = new Float64Array(1 << 16);
  numbers((piece) => {
    for (const bits of bitsOf(piece)) upper[bits >>> 16]!++;
  });
  const found = ks.map((k) => descend(upper, k));
  const lower = new Map(found.map(([bin]) => [bin, new Float64Array(1 << 16)]));
  numbers((piece) => {
    for (const bits of bitsOf(piece)) {
      const bins = lower.get(bits >>> 16);
      if (bins) bins[bits & 0xffff]!++;
    }
  });
  return ks.map((k, i) => {
    const [bin, aboveBin] = found[i]!;
    const bins = lower.get(bin)!;
    const [low, above] = descend(bins, k - aboveBin);
    return { k, threshold: asNumber(bin * 65536 + low), above: aboveBin + above, equal: bins[low]! };
  });
}

/**
 * For pieces in order: which numbers are among the k largest. Of numbers equal to the last, the first are.
 *
 * @param numbers ≥ 0, as `cutsAt` saw them
 */
export function largest({ k, threshold, above, equal }: Cut): (numbers: Tensor) => Tensor {
  let left = k - above;
  return (numbers) => {
    const values = numbers.to('float32');
    if (k === above + equal) return values.ge(threshold);
    const ties = values.eq(threshold);
    const order = ties.reshape([-1]).cumsum(0).view(ties.shape);
    const taken = ties.logicalAnd(order.le(left));
    left -= Math.min(left, ties.sum().item());
    return values.gt(threshold).logicalOr(taken);
  };
}
