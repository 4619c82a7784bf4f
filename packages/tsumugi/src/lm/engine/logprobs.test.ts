// Log-probabilities by hand.
import { expect, it } from 'vitest';
import { logprobsOf } from './logprobs.ts';

const logits = Float64Array.of(0, 2, 1, 2, -1);
const total = Math.log(1 + 2 * Math.E ** 2 + Math.E + Math.E ** -1);

it.each([
  [0, []],
  [1, [1]],
  [2, [1, 3]],
  [3, [1, 3, 2]],
  [5, [1, 3, 2, 0, 4]],
  [9, [1, 3, 2, 0, 4]],
])('gives the %i likeliest in falling order, equal ones by id', (count, ids) => {
  const { logprob, top } = logprobsOf(logits, count)(4);
  expect(logprob).toBeCloseTo(-1 - total, 12);
  expect(top.map(({ id }) => id)).toEqual(ids);
  for (const each of top) expect(each.logprob).toBeCloseTo(logits[each.id]! - total, 12);
});

it('finds the likeliest wherever they stand', () => {
  for (const order of [
    [4, 3, 2, 1],
    [1, 2, 3, 4],
    [2, 4, 1, 3],
  ])
    expect(
      logprobsOf(Float64Array.from(order), 2)(0).top.map(({ id }) => order[id]),
      `${order}`,
    ).toEqual([4, 3]);
});

it('is of the logits as they were, also of large ones', () => {
  const large = Float32Array.of(1000, 1000);
  const tell = logprobsOf(large, 1);
  large.fill(Number.NEGATIVE_INFINITY);
  expect(tell(1).logprob).toBeCloseTo(-Math.LN2, 12);
  expect(tell(1).top[0]).toEqual({ id: 0, logprob: tell(0).logprob });
});
