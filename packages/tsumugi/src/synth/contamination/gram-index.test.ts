// The table of n-grams: both hashes count, the first text stays, through growth.
import { expect, it } from 'vitest';
import { GramIndex } from './gram-index.ts';

it('keeps apart what differs in one of two hashes, and the first text of each', () => {
  const index = new GramIndex();
  for (let i = 0; i < 3000; i++) index.add(i % 50, i, i);
  for (let i = 0; i < 3000; i++) index.add(i % 50, i, 9000);
  expect(index.size).toBe(3000);
  for (let i = 0; i < 3000; i++) expect(index.text(i % 50, i)).toBe(i);
  expect([index.text(51, 0), index.text(0, 3000), index.text(0xffffffff, 0)]).toEqual([-1, -1, -1]);
});
