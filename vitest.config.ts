// Tests sit beside what they test; what crosses folders is in tests/.
import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

// What processes load stays compiled, with its types stripped, for those that tests start.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'build', 'node-compile-cache');

/** Folders whose tests change nothing that a file after them would see: they share a process, and what it has loaded. */
const together = ['packages/tsumugi/src/{base,compress,draw,eval,nn,optim,recipe,synth,text}/**/*.test.ts'];

// The addon holds process-wide state (threads, handles), so each other test file gets a process of its own. Few run at once.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    setupFiles: ['tests/setup.ts'],
    reporters: ['default', './tests/skips.ts'],
    projects: [
      { extends: true, test: { name: 'together', include: together, isolate: false } },
      {
        extends: true,
        test: {
          name: 'apart',
          include: ['packages/*/src/**/*.test.ts', 'packages/native/test/**/*.test.ts', 'tests/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...together],
        },
      },
    ],
  },
});
