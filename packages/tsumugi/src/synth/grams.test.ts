// n-grams of characters of the normalized text, by their hashes.
import { expect, it } from 'vitest';
import { gramHashes } from './grams.ts';
import { codePoints, normalized } from './normalized.ts';

const grams = (text: string, n: number, seed?: number) => gramHashes(codePoints(normalized(text)), n, seed);

it('has one hash for each n-gram, and the same hash for the same n-gram', () => {
  const hashes = grams('吾輩は猫である。吾輩は猫', 5);
  expect(hashes).toHaveLength(8);
  expect(hashes[7]).not.toBe(hashes[0]);
  expect(grams('吾輩は猫で。吾輩は猫で', 5)[6]).toBe(grams('吾輩は猫で。', 5)[0]);
  expect(new Set(grams('いろはにほへとちりぬるを', 2)).size).toBe(11);
});

it('compares what is normalized: NFKC, white space as one space', () => {
  expect(grams('  ＡＢＣ ｶﾞ\n\t１２ ', 3)).toEqual(grams('ABC　ガ 12', 3));
  expect(grams('abc', 3)).not.toEqual(grams('ABC', 3));
});

it('counts characters, not halves of them, and takes short texts whole', () => {
  expect(grams('𠮷野家𠮷', 3)).toHaveLength(2);
  expect(grams('猫', 5)).toHaveLength(1);
  expect(grams('', 5)).toEqual(grams(' \n', 5));
  expect(grams('猫', 5)).not.toEqual(grams('犬', 5));
});

it('has other hashes for another seed', () => {
  const [one, other] = [grams('吾輩は猫である', 5, 0), grams('吾輩は猫である', 5, 1)];
  expect(one.filter((hash) => other.includes(hash))).toHaveLength(0);
});
