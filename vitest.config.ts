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
  `${src}/{base,compare,compress,draw,eval,images,loop,recipe,synth,text}/**/*.test.ts`,
  `${src}/stages/!(distill-forecast|evaluate-settings|pairs).test.ts`,
  `${src}/store/{artefact,gguf,quantized}/*.test.ts`,
  `${src}/train/!(kill|ending|waiting|forecast|rehearse-steps|extend).test.ts`,
  `${src}/{train/*,gan/scores}/*.test.ts`,
  `${src}/gan/!(kill|train).test.ts`,
  `${src}/rl/!(experiments|vector|presets)/**/!(by-name).test.ts`,
  `${src}/serve/!(robustness).test.ts`,
  `${src}/serve/!(engine-thread)/**/*.test.ts`,
  `${src}/serve/engine-thread/!(engine-thread).test.ts`,
  `${src}/run/!(interrupt).test.ts`,
  `${src}/mesh/{environment,exchange,flat-layout,require-nccl,row-groups}.test.ts`,
  'tests/{constrained,distillation,export,generation,growing,lora,merging,pretraining,pruning,quantization}-docs.test.ts',
  'tests/{scale,scale-forecast,serve,tuning}-docs.test.ts',
  'tests/{arithmetic-experiment,budgets,chat-page,contributing,debugging,deploy,deploy-training,environment}.test.ts',
  'tests/{examples,extending,gan-comparison,glossary,import-directions,json-limits,named-options}.test.ts',
  'tests/{optional-packages,pitfalls,test-helpers,unknown-options}.test.ts',
];

/**
 * What runs on every core: what has kernels, and of each kind of work that stands on them a file or two. The others have one thread,
 * and so have the processes that they start: what computes on tiny models takes longer in two threads than in one, and two processes
 * with two threads each hold each other up on two cores. Where `TSUMUGI_THREADS` is set, it holds for all.
 */
export const everyCore = {
  together: [
    `${src}/{nn,optim,gan/networks}/**/*.test.ts`,
    `${src}/train/{pretrain,step-gradients}.test.ts`,
    `${src}/gan/trainer.test.ts`,
    `${src}/compress/quantize/quantize-model.test.ts`,
    `${src}/rl/agents/{ppo,value-agents,continuous}.test.ts`,
    `${src}/lm/!(rope-tables).test.ts`,
    `${src}/lm/{ops,engine}/*.test.ts`,
    `${src}/lm/paged/!(mixes).test.ts`,
    `${src}/torch/{autograd,first-hour,missing-dtype,numbers,synchronous,torch}.test.ts`,
  ],
  apart: [
    `${src}/torch/*.test.ts`,
    `${src}/lm/rope-tables.test.ts`,
    'packages/native/test/**/*.test.ts',
    'tests/{library,readme}.test.ts',
  ],
};

const all = ['packages/*/src/**/*.test.ts', 'packages/native/test/**/*.test.ts', 'tests/**/*.test.ts'];
const threads = process.env['TSUMUGI_THREADS'] ?? '1';

/** Files that share a process or have each one of its own, on one core or on every. */
const project = (name: string, include: string[], exclude: string[]) => ({
  extends: true as const,
  test: {
    name,
    include,
    exclude: [...configDefaults.exclude, ...exclude],
    isolate: name.startsWith('apart'),
    ...(!name.endsWith('every core') && { env: { TSUMUGI_THREADS: threads } }),
  },
});

// The addon holds process-wide state (threads, handles), so each test file gets a process of its own where it is not said that it shares
// one. Few run at once.
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    setupFiles: ['tests/setup.ts'],
    reporters: ['default', './tests/skips.ts'],
    projects: [
      project('together', together, everyCore.together),
      project('apart', all, [...together, ...everyCore.together, ...everyCore.apart]),
      project('together, every core', everyCore.together, []),
      project('apart, every core', everyCore.apart, everyCore.together),
    ],
  },
});
