// Tests sit beside what they test; what crosses folders is in tests/.
import { defineConfig } from 'vitest/config';

// The addon holds process-wide state (threads, handles), so each test file gets a process of its own and few run at once.
export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/native/test/**/*.test.ts', 'tests/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    setupFiles: ['tests/setup.ts'],
    reporters: ['default', './tests/skips.ts'],
  },
});
