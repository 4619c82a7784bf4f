// Readers of images, weights and packages never fail in a way of their own: see tests/long/fuzz-images.ts for many more inputs.
import { afterAll, expect, it } from 'vitest';
import { fuzz } from './fuzz/fuzz.ts';
import { ImageReaders } from './fuzz/images.ts';

const readers = new ImageReaders();
afterAll(() => readers[Symbol.dispose]());

it.each(readers.targets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
  const { read, refused } = await fuzz(target, 150);
  // Both happen often, so that both are tried.
  expect(Math.min(read, refused)).toBeGreaterThan(5);
});
