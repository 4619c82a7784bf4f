// MinHash: the estimate is unbiased and has the standard error of k independent draws.
import { expect, it } from 'vitest';
import { RandomStream } from '../../base/index.ts';
import { MinHash } from './min-hash.ts';

const permutations = 128;
const words = (count: number, random: RandomStream) => Uint32Array.from({ length: count }, () => random.nextUint32());

it.each([0.1, 0.5, 0.8, 0.95])('estimates a similarity of %d within the standard error', (similarity) => {
  const [random, trials, union] = [new RandomStream(7), 400, 400];
  const common = similarity * union;
  const errors = Array.from({ length: trials }, (_, seed) => {
    const hasher = new MinHash(permutations, seed);
    const [both, rest] = [words(common, random), words(union - common, random)];
    const half = rest.length / 2;
    const block = new Uint32Array(2 * permutations);
    hasher.sign(Uint32Array.of(...both, ...rest.subarray(0, half)), block);
    hasher.sign(Uint32Array.of(...rest.subarray(half), ...both), block, permutations);
    const error = Math.sqrt((similarity * (1 - similarity)) / permutations);
    return (hasher.estimate(block, 0, permutations) - similarity) / error;
  });
  // Of 400 draws of a standard normal: the mean has the error 1/20, the variance √(2/400) = 0.071; bounds at four of each.
  const mean = errors.reduce((sum, each) => sum + each) / trials;
  const variance = errors.reduce((sum, each) => sum + each ** 2) / trials;
  expect(Math.abs(mean)).toBeLessThan(0.2);
  expect(Math.abs(variance - 1)).toBeLessThan(0.29);
});

it('does not see the order of a set or what repeats, and is the same for a seed', () => {
  const sign = (set: number[], seed: number) => {
    const out = new Uint32Array(permutations);
    new MinHash(permutations, seed).sign(Uint32Array.from(set), out);
    return [...out];
  };
  expect(sign([1, 2, 3], 5)).toEqual(sign([3, 1, 2, 1, 3], 5));
  expect(sign([1, 2, 3], 5)).not.toEqual(sign([1, 2, 3], 6));
});

it('gives no word the least image in every permutation', () => {
  const out = new Uint32Array(permutations);
  for (const word of [0, 1, 0x80000000, 0xffffffff]) {
    new MinHash(permutations, 3).sign(Uint32Array.of(word), out);
    expect(new Set(out).size, String(word)).toBeGreaterThan(permutations - 3);
  }
});
