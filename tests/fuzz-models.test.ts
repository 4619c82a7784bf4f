// Readers of model folders never fail in a way of their own: see tests/long/fuzz-models.ts for many more inputs.
import { afterAll, expect, it, vi } from 'vitest';
import { inTime } from '../packages/tsumugi/src/base/thorough.testing.ts';
import { fuzz } from './fuzz/fuzz.ts';
import { ModelReaders } from './fuzz/models.ts';

const readers = new ModelReaders();
afterAll(() => readers[Symbol.dispose]());

it.each(readers.targets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
  // A sum in an index that is wrong is told, and no fault.
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { read, refused } = await fuzz(target, inTime(400, 2000));
  said.mockRestore();
  // Both happen often, so that both are tried.
  expect(read).toBeGreaterThan(inTime(20, 100));
  expect(refused).toBeGreaterThan(inTime(20, 100));
});
