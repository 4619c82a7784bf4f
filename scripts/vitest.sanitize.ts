// What scripts/sanitize.mjs runs: the suites of kernels on a checked addon, which is tens of times slower. One process at a time.
import { configDefaults, mergeConfig } from 'vitest/config';
import whole from '../vitest.config.ts';

const src = 'packages/tsumugi/src';

/** They judge the memory of the process, which the sanitizers' own bookkeeping adds to. */
export const memory = [`${src}/optim/flat-memory.test.ts`];

export default mergeConfig(whole, {
  test: {
    maxWorkers: 1,
    testTimeout: 600_000,
    exclude: [...configDefaults.exclude, ...memory],
  },
});
