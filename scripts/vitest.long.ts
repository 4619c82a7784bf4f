// The parts of npm run test:long that are folders of tests/long: that something is learned, that experiments run; `npm test` has no time for it.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
    include: ['tests/long/*/**/*.{learns,long}.ts'],
    setupFiles: ['tests/setup.ts'],
    reporters: ['default', './tests/skips.ts'],
  },
});
