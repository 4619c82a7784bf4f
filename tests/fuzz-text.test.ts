// Readers of text never fail in a way of their own: see tests/long/fuzz-text.ts for many more inputs.
import { afterAll, expect, it, vi } from 'vitest';
import { inTime } from '../packages/tsumugi/src/base/thorough.testing.ts';
import { fuzz } from './fuzz/fuzz.ts';
import { TextReaders } from './fuzz/text.ts';

// A reader that goes round for ever is ended after ten seconds, in tests/long/fuzz-text.ts, too; here sooner.
const limit = vi.hoisted(() => ({ seconds: 4 }));
vi.mock('../packages/tsumugi/src/text/limits.ts', async (original) => ({
  ...(await original()),
  parquetSeconds: () => limit.seconds,
}));

const readers = new TextReaders();
afterAll(() => readers[Symbol.dispose]());

it.each(readers.targets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
  // Of damaged Parquet files one in eight can be read.
  const [rounds, least] = target.name === 'Parquet' ? inTime([30, 3], [60, 6]) : inTime([150, 6], [400, 6]);
  const { read, refused } = await fuzz(target, rounds!);
  // Both happen often, so that both are tried.
  expect(read).toBeGreaterThanOrEqual(least!);
  expect(refused).toBeGreaterThanOrEqual(least!);
});

it('a Parquet file that sends its reader round for ever is refused', async () => {
  const parquet = readers.targets.find(({ name }) => name === 'Parquet')!;
  limit.seconds = 1;
  const { codes } = await fuzz(parquet, 1, 209);
  expect([...codes.keys()]).toEqual(['unreadable-parquet']);
});
