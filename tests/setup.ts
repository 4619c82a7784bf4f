// Runs before every test file: a test that leaves live tensors behind fails. And nothing waits for the disk.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest';
import { liveHandles } from '../packages/tsumugi/src/torch/memory.ts';

// No test looks for a model on the network; those of the hub have one on this machine.
process.env['HF_HUB_OFFLINE'] = '1';
process.env['HF_HUB_CACHE'] = '/nonexistent/hub';

// What a test writes need not outlive the machine; a short training waits for the disk for a third of its time. Processes that tests
// start wait as ever.
fs.fsyncSync = () => {};
syncBuiltinESMExports();

let before = 0;
beforeEach(() => {
  before = liveHandles();
});
afterEach(() => {
  expect(liveHandles(), 'live tensors after the test (dispose them, or use scope)').toBe(before);
});

// What a file stubs and fakes goes with it: the next one may run in the same process.
afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});
