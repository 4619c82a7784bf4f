// Means of several models on a sphere. Both are a factor for each tensor, which follows from lengths and angles.
import type { Tensor } from '../../../torch/index.ts';
import type { Piece } from '../tensor-group.ts';
import { combination, fromBase, vectors } from './combination.ts';
import { type Gram, gramOf, inner, lengthOf } from './gram.ts';
import { meanOf, normalized } from './linear.ts';
import { isOn, type MergeInput, type MergeMethod, numberOf, numbersOf, refuse, weight } from './method.ts';

const times =
  (factors: readonly number[]) =>
  (piece: Piece): Tensor =>
    fromBase(piece, combination(vectors(piece), factors));

const cancelled = (input: MergeInput) =>
  refuse('cancelling', input, 'the weighted directions of the models cancel each other', 'Give other weights.');

function weightsOf(input: MergeInput): number[] {
  const weights = numbersOf(input.own, 'weight');
  return isOn(input.shared, 'normalize_weights') ? normalized(input, weights) : weights;
}

/**
 * With unit vectors uᵢ and the mean direction μ = Σ wᵢuᵢ / ‖Σ wᵢuᵢ‖, the tangent vectors uᵢ − (uᵢ·μ)μ are summed to T, the result
 * is the exponential map of T at μ, times Σ wᵢ‖xᵢ‖. T is Σ wᵢuᵢ less its part along μ, and it lies along μ: T = 0, and the
 * map is μ itself.
 */
export const multislerp: MergeMethod = {
  models: { min: 2 },
  base: 'optional',
  shared: {
    normalize_weights: { kind: 'boolean', default: true },
    eps: { kind: 'number', default: 1e-8, range: { above: 0 } },
  },
  own: weight,
  passes: 2,
  prepare(input) {
    const eps = numberOf(input.shared, 'eps');
    const weights = weightsOf(input);
    const gram = gramOf(input);
    const lengths = weights.map((_, i) => lengthOf(gram, i));
    const parts = weights.map((each, i) => each / (lengths[i]! + eps));
    const mean = Math.sqrt(Math.max(0, inner(gram, parts, parts)));
    if (mean < eps) {
      // Two models on opposite sides, or nothing but zeros: there is no direction between them.
      if (weights.length === 2 || lengths.every((length) => length === 0)) return times(weights);
      throw cancelled(input);
    }
    const length = weights.reduce((sum, each, i) => sum + each * lengths[i]!, 0);
    return times(parts.map((part) => (part * length) / mean));
  },
  prepareVector: (input) => times(weightsOf(input)),
};

/** The point whose distances to the unit vectors have the least sum of squares, times the mean length; equal weights. */
export const karcher: MergeMethod = {
  models: { min: 2 },
  base: 'none',
  shared: {
    max_iter: { kind: 'number', default: 10, range: { min: 1, whole: true } },
    tol: { kind: 'number', default: 1e-5, range: { above: 0 } },
  },
  own: {},
  passes: 2,
  prepare(input) {
    const tol = numberOf(input.shared, 'tol');
    const gram = gramOf(input);
    const n = gram.length;
    const lengths = gram.map((_, i) => lengthOf(gram, i));
    // A tensor of zeros has no direction; it counts in the mean length only.
    const valid = lengths.flatMap((length, i) => (length > tol ? [i] : []));
    if (valid.length === 0) return times(lengths.map(() => 0));
    const units: Gram = valid.map((i) => valid.map((j) => gram[i]![j]! / (lengths[i]! * lengths[j]!)));
    const mean = karcherMean(input, units, numberOf(input.shared, 'max_iter'), tol);
    const length = lengths.reduce((a, b) => a + b, 0) / n;
    const factors = new Array<number>(n).fill(0);
    for (const [k, i] of valid.entries()) factors[i] = (mean[k]! * length) / lengths[i]!;
    return times(factors);
  },
  prepareVector: ({ models }) => meanOf(models.map(() => 1 / models.length)),
};

/** Factors of the unit vectors, by log and exp maps from the normalised mean. */
function karcherMean(input: MergeInput, units: Gram, maxIter: number, tol: number): number[] {
  const n = units.length;
  const length = (a: readonly number[]) => Math.sqrt(Math.max(0, inner(units, a, a)));
  const scaled = (a: readonly number[], factor: number) => a.map((each) => each * factor);
  let mean = new Array<number>(n).fill(1 / n);
  if (length(mean) < tol) throw cancelled(input);
  mean = scaled(mean, 1 / length(mean));
  for (let iteration = 0; iteration < maxIter; iteration++) {
    const tangent = new Array<number>(n).fill(0);
    for (let i = 0; i < n; i++) {
      const along = units[i]!.reduce((sum, value, j) => sum + value * mean[j]!, 0);
      const dot = Math.min(1, Math.max(-1, along));
      const theta = Math.acos(dot);
      if (theta < tol) continue;
      if (Math.PI - theta < tol) throw cancelled(input);
      const log = theta / Math.sin(theta) / n;
      for (let j = 0; j < n; j++) tangent[j]! += log * ((i === j ? 1 : 0) - dot * mean[j]!);
    }
    const step = length(tangent);
    if (step < tol) break;
    mean = mean.map((each, j) => Math.cos(step) * each + (Math.sin(step) / step) * tangent[j]!);
    mean = scaled(mean, 1 / length(mean));
  }
  return mean;
}
