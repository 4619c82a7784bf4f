// Returns and advantages against their definitions as sums, with ends, cuts and environments that are mixed row by row.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import {
  discountedReturns,
  type Estimated,
  explainedVariance,
  generalizedAdvantages,
  standardized,
} from './advantages.ts';

const [gamma, lambda, steps, environments] = [0.9, 0.8, 7, 2];

/** Environment 0 ends at step 2 and is cut off at step 4; environment 1 goes through. */
function rows(): Estimated {
  const stream = new RandomStream(5);
  const numbers = () => Float64Array.from({ length: steps * environments }, () => 2 * stream.next() - 1);
  const marks = (...at: number[]) =>
    Uint8Array.from({ length: steps * environments }, (_, row) => (at.includes(row) ? 1 : 0));
  const [ended, cut] = [2 * environments, 4 * environments];
  return {
    rewards: numbers(),
    values: numbers(),
    nextValues: numbers(),
    terminal: marks(ended),
    last: marks(ended, cut),
    environments,
  };
}

/** Rows of the episode of `row`, from it to the end. */
function episode(row: number, { last }: Estimated): number[] {
  const found = [row];
  for (let at = row; !last[at] && at + environments < last.length; found.push(at)) at += environments;
  return found;
}

it('GAE is Σ (γλ)^k δ_k to the end of the episode', () => {
  const data = rows();
  const { rewards, values, nextValues, terminal } = data;
  const delta = (row: number) => rewards[row]! + (terminal[row] ? 0 : gamma * nextValues[row]!) - values[row]!;
  const found = generalizedAdvantages(data, gamma, lambda);
  for (let row = 0; row < found.length; row++) {
    const right = episode(row, data).reduce((sum, at, k) => sum + (gamma * lambda) ** k * delta(at), 0);
    expect(found[row], `row ${row}`).toBeCloseTo(right, 12);
  }
});

it('returns are Σ γ^k r_k, and the value of what follows unless nothing does', () => {
  const data = rows();
  const { rewards, nextValues, terminal } = data;
  const found = discountedReturns(data, gamma);
  for (let row = 0; row < found.length; row++) {
    const path = episode(row, data);
    const end = path.at(-1)!;
    const after = terminal[end] ? 0 : gamma ** path.length * nextValues[end]!;
    const right = path.reduce((sum, at, k) => sum + gamma ** k * rewards[at]!, after);
    expect(found[row], `row ${row}`).toBeCloseTo(right, 12);
  }
});

it('standardized numbers have mean 0 and standard deviation 1; explained variance is 1 for the truth and 0 for a constant', () => {
  expect([...standardized(Float64Array.of(1, 3))]).toEqual([-1 / (1 + 1e-8), 1 / (1 + 1e-8)]);
  expect([...standardized(Float64Array.of(2, 2))]).toEqual([0, 0]);
  expect(explainedVariance([1, 2, 4], [1, 2, 4])).toBe(1);
  expect(explainedVariance([5, 5, 5], [1, 2, 4])).toBeCloseTo(0, 12);
  expect(explainedVariance([2, 4, 8], [1, 2, 4])).toBeCloseTo(0, 12);
  expect(explainedVariance([1], [1])).toBeNaN();
  expect(explainedVariance([1, 2], [3, 3])).toBeNaN();
});
