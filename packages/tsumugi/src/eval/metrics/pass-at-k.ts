// The share of problems that k tries solve, estimated from n ≥ k tries of each: Chen et al. 2021, arXiv 2107.03374, equation 1.
import { checkNumber } from '../../base/index.ts';

/**
 * 1 − C(n−c, k)/C(n, k), without bias: the chance that k of n tries, c of them right, hold a right one.
 *
 * @throws UserError when not 0 ≤ c ≤ n or not 1 ≤ k ≤ n
 *
 * @example
 * ```ts
 * console.log(passAtK(4, 1, 2)); // prints 0.5
 * ```
 */
export function passAtK(n: number, c: number, k: number): number {
  checkNumber('passAtK', 'n', n, { min: 1, whole: true });
  checkNumber('passAtK', 'c', c, { min: 0, max: n, whole: true });
  checkNumber('passAtK', 'k', k, { min: 1, max: n, whole: true });
  if (n - c < k) return 1;
  let allWrong = 1;
  for (let i = n - c + 1; i <= n; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}
