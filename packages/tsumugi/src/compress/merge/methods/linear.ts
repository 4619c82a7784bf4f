// Weighted means (model soups: Wortsman et al. 2022, arXiv 2203.05482), and copying.
import { combination } from './combination.ts';
import {
  type Combine,
  isOn,
  type MergeInput,
  type MergeMethod,
  numberOf,
  numbersOf,
  refuse,
  weight,
} from './method.ts';

/** wᵢ / Σ w. @throws UserError when they add up to 0 */
export function normalized(input: MergeInput, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (Math.abs(sum) < 1e-12)
    throw refuse('zero-weights', input, `the weights (${weights.join(', ')}) add up to 0`, 'Give other weights.');
  return weights.map((each) => each / sum);
}

/** Σ cᵢ θᵢ */
export const meanOf =
  (factors: readonly number[]): Combine =>
  ({ models }) =>
    combination(models, factors);

/** Σ wᵢ θᵢ, divided by Σ wᵢ when `normalize`. */
export const linear: MergeMethod = {
  models: { min: 2 },
  base: 'none',
  shared: { normalize: { kind: 'boolean', default: true } },
  own: weight,
  passes: 1,
  prepare(input) {
    const weights = numbersOf(input.own, 'weight');
    return meanOf(isOn(input.shared, 'normalize') ? normalized(input, weights) : weights);
  },
};

/** The tensor as it is, or times `scale`. */
export const passthrough: MergeMethod = {
  models: { min: 1, max: 1 },
  base: 'none',
  shared: {},
  own: { scale: { kind: 'number', default: 1 } },
  passes: 1,
  prepare: ({ own }) => meanOf([numberOf(own[0]!, 'scale')]),
};
