// Bits for each matrix under a number of bytes. Greedy, our choice: from the fewest bytes on, the step that takes away the most
// divergence for each byte it costs, among those that still fit. Divergences of single matrices are taken to add up.
//
//   step of a matrix from (bytes b, divergence k) to a wider kind (b', k'):   (k − k') / (b' − b)
import type { MatrixBits } from './matrices.ts';

/** What a matrix costs in one of its kinds. */
export interface BitsCost {
  readonly bits: MatrixBits;
  readonly bytes: number;
  /** Nats of next-token divergence when it alone is of this kind. */
  readonly kl: number;
}

export interface MatrixCosts {
  readonly path: string;
  readonly costs: readonly BitsCost[];
}

const sum = (costs: Iterable<BitsCost>, of: (cost: BitsCost) => number): number =>
  [...costs].reduce((total, cost) => total + of(cost), 0);

/** The fewest bytes that matrices can have together. */
export const leastBytes = (matrices: readonly MatrixCosts[]): number =>
  matrices.reduce((total, { costs }) => total + Math.min(...costs.map(({ bytes }) => bytes)), 0);

/**
 * What each matrix gets, in their order: together at most `budget` bytes, or the fewest where that is not possible. A step that takes
 * no divergence away is not made. Plain numbers in, plain numbers out: another choice is another function like this.
 */
export function chooseBits(matrices: readonly MatrixCosts[], budget: number): BitsCost[] {
  const smallest = (a: BitsCost, b: BitsCost) => (b.bytes < a.bytes ? b : a);
  const chosen = matrices.map(({ costs }) => costs.reduce(smallest));
  let left = budget - sum(chosen, ({ bytes }) => bytes);
  for (;;) {
    let best: { index: number; to: BitsCost; worth: number } | undefined;
    for (const [index, { costs }] of matrices.entries()) {
      const from = chosen[index]!;
      for (const to of costs) {
        const [bytes, gain] = [to.bytes - from.bytes, from.kl - to.kl];
        if (bytes > left || gain <= 0 || bytes <= 0) continue;
        const worth = gain / bytes;
        if (!best || worth > best.worth) best = { index, to, worth };
      }
    }
    if (!best) return chosen;
    left -= best.to.bytes - chosen[best.index]!.bytes;
    chosen[best.index] = best.to;
  }
}
