// Runs before every test file: a test that leaves live tensors behind fails.
import { afterEach, beforeEach, expect } from 'vitest';
import { liveHandles } from '../packages/tsumugi/src/torch/memory.ts';

let before = 0;
beforeEach(() => {
  before = liveHandles();
});
afterEach(() => {
  expect(liveHandles(), 'live tensors after the test (dispose them, or use scope)').toBe(before);
});
