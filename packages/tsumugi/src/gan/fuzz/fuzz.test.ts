// A short run of the fuzzing of readers; `npm run test:long` runs it long.
import { expect, it } from 'vitest';
import { fuzzReader, readers } from './testing.ts';

it.each(Object.keys(readers))('%s: mutated files are read or refused, and nothing else', async (name) => {
  const { read, refused } = await fuzzReader(name, 150, 1);
  expect(read + refused).toBe(150);
  // Both happen: neither is everything refused at the door, nor everything let in.
  expect(Math.min(read, refused)).toBeGreaterThan(5);
});
