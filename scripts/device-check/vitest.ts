// The suites as `npm test` runs them, on as many cores as there are, each file reported when it is done.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import whole from '../../vitest.config.ts';

export default defineConfig({
  test: {
    ...whole.test,
    maxWorkers: Math.min(8, availableParallelism()),
    reporters: ['default', './scripts/device-check/reporter.ts'],
  },
});
