// pass@k against the binomial coefficients, and against trying every choice.
import { expect, it } from 'vitest';
import { UserError } from '../../base/index.ts';
import { passAtK } from './pass-at-k.ts';

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 0; i < k; i++) result = (result * (n - i)) / (i + 1);
  return result;
}

it('is one minus the share of choices without a right one', () => {
  for (const n of [1, 2, 5, 20])
    for (let c = 0; c <= n; c++)
      for (let k = 1; k <= n; k++)
        expect(passAtK(n, c, k)).toBeCloseTo(1 - (k > n - c ? 0 : binomial(n - c, k) / binomial(n, k)), 12);
});

it('is the share of all pairs of 4 tries that hold a right one', () => {
  const right = [true, false, false, true];
  const pairs = right.flatMap((a, i) => right.slice(i + 1).map((b) => a || b));
  expect(passAtK(4, 2, 2)).toBeCloseTo(pairs.filter(Boolean).length / pairs.length, 12);
});

it('stays exact for many tries', () => {
  expect(passAtK(10_000, 1, 1)).toBeCloseTo(1e-4, 12);
  expect(passAtK(1000, 0, 1000)).toBe(0);
});

it.each([
  [0, 0, 1],
  [4, 5, 1],
  [4, -1, 1],
  [4, 1, 5],
  [4, 1, 0],
  [4, 1.5, 1],
  [4, 1, Number.NaN],
])('refuses n = %s, c = %s, k = %s', (n, c, k) => {
  expect(() => passAtK(n, c, k)).toThrow(UserError);
});
