// Shingles: the set of n-grams of the normalized text.
import { expect, it } from 'vitest';
import { shinglesOf } from './shingles.ts';

it('has one hash for each n-gram, and the same hash for the same n-gram', () => {
  const hashes = shinglesOf('吾輩は猫である。吾輩は猫', 5);
  expect(hashes).toHaveLength(8);
  expect(hashes[7]).not.toBe(hashes[0]);
  expect(shinglesOf('吾輩は猫で。吾輩は猫で', 5)[6]).toBe(shinglesOf('吾輩は猫で。', 5)[0]);
  expect(new Set(shinglesOf('いろはにほへとちりぬるを', 2)).size).toBe(11);
});

it('compares what is normalized: NFKC, white space as one space', () => {
  expect(shinglesOf('  ＡＢＣ ｶﾞ\n\t１２ ', 3)).toEqual(shinglesOf('ABC　ガ 12', 3));
  expect(shinglesOf('abc', 3)).not.toEqual(shinglesOf('ABC', 3));
});

it('counts characters, not halves of them, and takes short texts whole', () => {
  expect(shinglesOf('𠮷野家𠮷', 3)).toHaveLength(2);
  expect(shinglesOf('猫', 5)).toHaveLength(1);
  expect(shinglesOf('', 5)).toEqual(shinglesOf(' \n', 5));
  expect(shinglesOf('猫', 5)).not.toEqual(shinglesOf('犬', 5));
});
