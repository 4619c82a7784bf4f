// Runs before every test file: a test that leaves live tensors behind fails.
import { afterEach, beforeEach, expect } from 'vitest';
import { liveHandles } from '../packages/tsumugi/src/torch/memory.ts';

// No test looks for a model on the network; those of the hub have one on this machine.
process.env['HF_HUB_OFFLINE'] = '1';
process.env['HF_HUB_CACHE'] = '/nonexistent/hub';

let before = 0;
beforeEach(() => {
  before = liveHandles();
});
afterEach(() => {
  expect(liveHandles(), 'live tensors after the test (dispose them, or use scope)').toBe(before);
});
