// Grids, rounding, GPTQ and AWQ on single matrices, against values computed by hand and by plain twins.
import { describe, expect, it } from 'vitest';
import { fromCodes } from '../../store/index.ts';
import { eye, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { awqRatios, clipped, clipShares, outputError, searchScale, weightMeans } from './awq.ts';
import { gptq, Hessian } from './gptq.ts';
import { gridOf } from './grid.ts';
import { rounded, roundToNearest } from './round.ts';

const four = { bits: 4, symmetric: true, groupSize: -1 } as const;
function close(tensor: Tensor, expected: number[], digits = 3): void {
  for (const [i, value] of (tensor.tolist() as number[]).entries()) expect(value).toBeCloseTo(expected[i]!, digits);
}

describe('grids and rounding', () => {
  it('have the scales and zeros of the formulas', () => {
    scope(() => {
      const groups = tensor([
        [-3, 0, 4.5],
        [1, 2, 15],
        [-30, -15, -1],
      ]);
      const symmetric = gridOf(groups, { bits: 4, symmetric: true });
      close(symmetric.scales, [9 / 15, 2, 4], 3);
      close(symmetric.zeros, [8, 8, 8]);
      const own = gridOf(groups, { bits: 4, symmetric: false });
      close(own.scales, [7.5 / 15, 1, 2], 3);
      close(own.zeros, [6, 0, 15]);
      // A zero of at least 1 leaves 14 steps above it.
      const kept = gridOf(groups, { bits: 4, symmetric: false, leastZero: 1 });
      close(kept.scales, [0.5, 15 / 14, 2], 3);
      close(kept.zeros, [6, 1, 15]);
      const eight = gridOf(groups, { bits: 8, symmetric: true });
      close(eight.scales, [9 / 255, 30 / 255, 60 / 255], 3);
      close(eight.zeros, [128, 128, 128]);
      close(gridOf(tensor([[0, 0]]), four).scales, [1e-5], 7);
      expect(() => gridOf(tensor([[Number.NaN]]), four)).toThrow(/no number/);
      expect(() => gridOf(tensor([[1e6]]), four)).toThrow(/too large for a scale/);
    });
  });

  it('take the nearest number, group by group', () => {
    scope(() => {
      // Scales 1 and 2 (symmetric: largest · 2 / 15), zero 8.
      const weight = tensor([[7.5, -7.5, 0.4, 2.6, 15, -15, 2.9, 3.1]]);
      const codes = roundToNearest(weight, { ...four, groupSize: 4 });
      expect(codes.codes.tolist()).toEqual([[15], [0], [8], [11], [15], [0], [9], [10]]);
      expect([codes.scales.tolist(), codes.zeros.tolist()]).toEqual([[[1], [2]], [[8], [8]]]); // biome-ignore format: pairs
      expect(fromCodes(codes).tolist()).toEqual([[7, -8, 0, 3, 14, -16, 2, 4]]);
      expect(rounded(weight, { ...four, groupSize: 4 }).tolist()).toEqual(fromCodes(codes).tolist());
    });
  });
});

/** Activations [n, in] that go together, so that errors can be made good. */
function correlated(n: number, inputs: number, seed: number): Tensor {
  const rng = new Rng(seed);
  const common = randn([n, 4], rng).matmul(randn([4, inputs], rng));
  return common.add(randn([n, inputs], rng).mul(0.3));
}

function hessianOf(x: Tensor): Tensor {
  using hessian = new Hessian(x.size(1));
  hessian.add(x);
  return hessian.value();
}

/** GPTQ one input at a time, by the formula alone: H⁻¹ is inverted anew for the inputs that are left. */
function plainGptq(row: number[], h: number[][], scale: number): number[] {
  const w = [...row];
  let inverse = invert(h);
  const q = w.map(() => 0);
  for (let i = 0; i < w.length; i++) {
    q[i] = Math.min(15, Math.max(0, Math.round(w[i]! / scale) + 8));
    const error = (w[i]! - (q[i]! - 8) * scale) / inverse[i]![i]!;
    for (let j = i + 1; j < w.length; j++) w[j] = w[j]! - error * inverse[i]![j]!;
    // H⁻¹ without input i (optimal brain surgeon).
    const [column, d] = [inverse.map((each) => each[i]!), inverse[i]![i]!];
    inverse = inverse.map((each, a) => each.map((value, b) => value - (column[a]! * column[b]!) / d));
  }
  return q;
}

function invert(matrix: number[][]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))]);
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]![i]!;
    rows[i] = rows[i]!.map((value) => value / pivot);
    for (let j = 0; j < n; j++) {
      const factor = rows[j]![i]!;
      if (j !== i) rows[j] = rows[j]!.map((value, k) => value - factor * rows[i]![k]!);
    }
  }
  return rows.map((row) => row.slice(n));
}

describe('GPTQ', () => {
  it('is the closed form of two inputs', () => {
    scope(() => {
      // scale = 2·7.5/15 = 1. H = [[2, 1], [1, 2]] and no damping worth speaking of: H⁻¹ = [[2, −1], [−1, 2]] / 3.
      // w₁ = 7.5 → 7 (code 15, the largest): error 0.5; w₂ ← 0.3 + 0.5 · (1/2) = 0.55 → 1, where rounding alone gives 0.
      const hessian = tensor([
        [2, 1],
        [1, 2],
      ]);
      const weight = tensor([[7.5, 0.3]]);
      const made = gptq(weight, hessian, { ...four, damping: 1e-9 });
      expect(made.codes.tolist()).toEqual([[15], [9]]);
      expect(roundToNearest(weight, four).codes.tolist()).toEqual([[15], [8]]);
    });
  });

  it.each([
    [3, -1],
    [128, -1],
    [5, 8],
  ])('is what the formula says, in blocks of %s with groups of %s', (blockSize, groupSize) => {
    scope(() => {
      const x = correlated(64, 16, 1);
      const hessian = hessianOf(x);
      const h = hessian.tolist() as number[][];
      const mean = h.reduce((sum, row, i) => sum + row[i]! / h.length, 0);
      const damped = h.map((row, i) => row.map((value, j) => value + (i === j ? 0.01 * mean : 0)));
      const weight = randn([6, 16], new Rng(2));
      const made = gptq(weight, hessian, { ...four, groupSize, blockSize });
      if (groupSize !== -1) {
        // The second group's scale is not known before: blocks must not change it.
        const atOnce = gptq(weight, hessian, { ...four, groupSize });
        expect(made.codes.tolist()).toEqual(atOnce.codes.tolist());
        expect(made.scales.tolist()).toEqual(atOnce.scales.tolist());
        return;
      }
      const scales = (made.scales.tolist() as number[][])[0]!;
      const expected = (weight.tolist() as number[][]).map((row, o) => plainGptq(row, damped, scales[o]!));
      expect(made.codes.transpose(0, 1).tolist()).toEqual(expected);
    });
  });

  it('is rounding where inputs do not go together, and gives 0 for inputs that are always 0', () => {
    scope(() => {
      const weight = randn([4, 16], new Rng(3));
      const options = { ...four, groupSize: 8 };
      expect(gptq(weight, eye(16), options).codes.tolist()).toEqual(roundToNearest(weight, options).codes.tolist());
      const hessian = eye(16);
      hessian.select(0, 3).zero_();
      const read = fromCodes(gptq(weight, hessian, options)).select(1, 3);
      expect(read.abs().max().item()).toBe(0);
    });
  });

  it('raises the damping until H can be inverted, six times', () => {
    scope(() => {
      // In float32 1 + 1e-12 is 1, so H has no inverse; 1 + 1e-7, a hundred thousand times as much, is more than 1.
      const weight = tensor([[7.5, 0.3]]);
      const hessian = tensor([[1, 1], [1, 1]]); // biome-ignore format: a matrix
      const made = gptq(weight, hessian, { ...four, damping: 1e-12 });
      // Both inputs are the same: the whole error of the first, 0.5, goes to the second, and 0.8 is 1.
      expect(made.codes.tolist()).toEqual([[15], [9]]);
      expect(() => gptq(weight, hessian, { ...four, damping: 1e-14 })).toThrow(/Give more text, or a larger damping/);
    });
  });

  it.each([false, true])('makes a smaller error of the output than rounding (order of activations: %s)', (actOrder) => {
    scope(() => {
      const x = correlated(512, 64, 4).mul(randn([64], new Rng(5)).exp());
      const weight = randn([32, 64], new Rng(6));
      const options = { ...four, groupSize: 16 };
      const error = (read: Tensor) => outputError(x, weight, read);
      const ours = error(fromCodes(gptq(weight, hessianOf(x), { ...options, actOrder })));
      expect(ours).toBeLessThan(0.6 * error(rounded(weight, options)));
    });
  });

  it('takes the inputs in the order of activations, and puts them back', () => {
    scope(() => {
      const x = correlated(256, 16, 7);
      const weight = randn([5, 16], new Rng(8));
      const hessian = hessianOf(x);
      const options = { ...four, groupSize: 4 };
      const made = gptq(weight, hessian, { ...options, actOrder: true });
      // By hand: put the inputs in order, quantize, and look each input up.
      const diagonal = hessian.diagonal().tolist() as number[];
      const order = diagonal.map((_, i) => i).sort((a, b) => diagonal[b]! - diagonal[a]!);
      expect(order).not.toEqual(order.toSorted((a, b) => a - b));
      const index = tensor(order, { dtype: 'int64' });
      const sorted = gptq(weight.indexSelect(1, index), hessian.indexSelect(0, index).indexSelect(1, index), options);
      const [codes, read] = [made, sorted].map((each) => fromCodes(each).tolist() as number[][]) as [
        number[][],
        number[][],
      ];
      order.forEach((input, place) => {
        for (let o = 0; o < 5; o++) expect(codes[o]![input]).toBe(read[o]![place]);
        expect((made.groupOf!.tolist() as number[])[input]).toBe(Math.floor(place / 4));
      });
    });
  });
});

describe('AWQ', () => {
  const options = { bits: 4, symmetric: false, groupSize: 16 } as const;

  it('measures weights against the largest of their group', () => {
    scope(() => close(weightMeans(tensor([[1, 2, 4, -8], [3, -3, 1, 0]]), 2), [0.75, 1, 0.75, 0.5])); // biome-ignore format: a matrix
  });

  it('finds the scale of least error among the twenty of the formula', () => {
    scope(() => {
      const x = randn([128, 32], new Rng(1)).mul(randn([32], new Rng(2)).mul(2).exp());
      const weight = randn([24, 32], new Rng(3));
      const means = x.abs().mean([0]);
      const found = searchScale(weight, x, means, options);
      const wMeans = weightMeans(weight, 16).tolist() as number[];
      const xMeans = means.tolist() as number[];
      const errors = awqRatios.map((ratio) => {
        const raw = xMeans.map((mean, i) => mean ** ratio / (wMeans[i]! ** (1 - ratio) + 1e-4));
        const norm = Math.sqrt(Math.max(...raw) * Math.min(...raw));
        const scale = tensor(raw.map((value) => value / norm));
        if (ratio === found.ratio) close(found.scale, scale.tolist() as number[], 4);
        return outputError(x, weight, rounded(weight.mul(scale), options).div(scale));
      });
      expect(awqRatios[errors.indexOf(Math.min(...errors))]).toBe(found.ratio);
      expect(found.ratio).toBeGreaterThan(0);
      expect(found.error).toBeLessThan(0.7 * outputError(x, weight, rounded(weight, options)));
    });
  });

  it('cuts a lonely large weight where the others matter more, and nothing where it matters', () => {
    scope(() => {
      // Group: 15 small weights and one of 1. The large one meets an input that is nearly 0, then one that is large.
      const small = Array.from({ length: 15 }, (_, i) => 0.3 * Math.sin(i + 1));
      const weight = tensor([[...small, 1]]);
      const inputs = (last: number) => randn([256, 16], new Rng(4)).mul(tensor([...Array(15).fill(1), last]));
      const [quiet, loud] = [inputs(0.01), inputs(10)];
      expect(clipShares).toEqual([1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55]);
      const errors = clipShares.map((share) =>
        outputError(quiet, weight, rounded(weight.clamp(-share, share), options)),
      );
      const best = clipShares[errors.indexOf(Math.min(...errors))]!;
      expect(best).toBeLessThan(0.8);
      expect(clipped(weight, quiet, options).tolist()).toEqual(weight.clamp(-best, best).tolist());
      expect(clipped(weight, loud, options).tolist()).toEqual(weight.tolist());
      const error = (cut: Tensor) => outputError(quiet, weight, rounded(cut, options));
      expect(error(clipped(weight, quiet, options))).toBeLessThan(error(weight));
    });
  });
});
