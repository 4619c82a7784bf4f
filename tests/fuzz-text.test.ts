// Readers of text never fail in a way of their own: see tests/long/fuzz-text.ts for many more inputs.
import { afterAll, expect, it } from 'vitest';
import { fuzz } from './fuzz/fuzz.ts';
import { TextReaders } from './fuzz/text.ts';

const readers = new TextReaders();
afterAll(() => readers[Symbol.dispose]());

it.each(readers.targets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
  const { read, refused } = await fuzz(target, target.name === 'Parquet' ? 60 : 400);
  // Both happen often, so that both are tried.
  expect(read).toBeGreaterThan(5);
  expect(refused).toBeGreaterThan(5);
});

it('a Parquet file that sends its reader round for ever is refused', async () => {
  const parquet = readers.targets.find(({ name }) => name === 'Parquet')!;
  const { codes } = await fuzz(parquet, 1, 209);
  expect([...codes.keys()]).toEqual(['unreadable-parquet']);
});
