// npm run test:browser: the tests that need a browser, which scripts/browser.mjs looks for first.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/browser/**/*.browser.ts'],
    maxWorkers: 1,
    testTimeout: 90_000,
    hookTimeout: 90_000,
    // A second, which is usual, is little for a browser on a machine that is busy.
    expect: { poll: { timeout: 20_000 } },
  },
});
