// Tensors outside scopes: the finalizer is the backstop, and memory stays within bounds wherever the event loop turns.
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { liveHandles, memory, zeros } from './index.ts';

it('keeps what nobody holds any more from growing without end', async () => {
  const before = memory().liveBytes;
  const handles = liveHandles();
  let highest = 0;
  for (let round = 0; round < 4000; round++) {
    zeros([100_000]).add(1); // 400 kB each: 3.2 GB in all
    if (round % 20 === 0) await setImmediate();
    highest = Math.max(highest, memory().liveBytes - before);
  }
  expect(highest).toBeLessThan(5e8);
  // The suite wants every tensor freed after the test.
  for (let wait = 0; wait < 1000 && liveHandles() > handles; wait++) {
    globalThis.gc?.();
    Array.from({ length: 64 }, () => zeros([1]).dispose());
    await setImmediate();
  }
});
