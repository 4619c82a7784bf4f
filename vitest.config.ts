// Tests sit beside what they test; what crosses folders is in tests/.
import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

// What processes load stays compiled, with its types stripped, for those that tests start.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'build', 'node-compile-cache');

const src = 'packages/tsumugi/src';

/**
 * Files that change nothing that a file after them would see: they share a process, and what it has loaded; tests/setup.ts puts back
 * what they stub. Without those that are killed, send signals, or look at times and memory; that put other modules in the place of
 * ours (`vi.mock`); that register environments or agents by name, or look at all that are; or whose helpers run something before and
 * after all tests of a file.
 */
const together = [
  `${src}/{base,compare,compress,draw,eval,images,loop,nn,optim,recipe,synth,text}/**/*.test.ts`,
  `${src}/stages/!(distill-forecast|evaluate-settings|pairs).test.ts`,
  `${src}/store/{artefact,gguf,quantized}/*.test.ts`,
  `${src}/train/!(kill|ending|waiting|forecast|rehearse-steps|extend).test.ts`,
  `${src}/{train/*,gan/scores,gan/networks}/*.test.ts`,
  `${src}/gan/!(kill|train).test.ts`,
  `${src}/rl/!(experiments|vector|presets)/**/!(by-name).test.ts`,
  `${src}/serve/!(robustness).test.ts`,
  `${src}/serve/!(engine-thread)/**/*.test.ts`,
  `${src}/serve/engine-thread/!(engine-thread).test.ts`,
];

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
