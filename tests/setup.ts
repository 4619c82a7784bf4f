// Runs before every test file: a test that leaves live tensors behind fails. And nothing waits for the disk.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest';
import { thorough } from '../packages/tsumugi/src/base/thorough.testing.ts';
import { liveHandles } from '../packages/tsumugi/src/torch/memory.ts';

// No test looks for a model on the network; those of the hub have one on this machine.
process.env['HF_HUB_OFFLINE'] = '1';
process.env['HF_HUB_CACHE'] = '/nonexistent/hub';

// What a test writes need not outlive the machine, only a kill; a short training waits for the disk for a third of its time. Processes
// that tests start wait in `npm run test:long`.
fs.fsyncSync = () => {};
syncBuiltinESMExports();
const hastily = `--import=data:text/javascript,${encodeURIComponent(
  "import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module'; fs.fsyncSync = () => {}; syncBuiltinESMExports();",
)}`;
const options = process.env['NODE_OPTIONS'] ?? '';
if (!thorough && !options.includes(hastily)) process.env['NODE_OPTIONS'] = `${options} ${hastily}`.trim();

// Files may share a process: what one leaves is taken back in the middle of another.
const atStart = liveHandles();
afterAll(() => {
  expect(liveHandles(), 'live tensors after all tests of the file').toBe(atStart);
});

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
