// What .ci/run asks once more as a CPU without AVX-512 runs it: what computes, which is the kernels, what stands on them up to the
// language model, and one training, through which the others go, too. (`--exclude` on the command line is not heard by projects.)
import { configDefaults, mergeConfig } from 'vitest/config';
import whole from '../vitest.config.ts';

const src = 'packages/tsumugi/src';

/** The same on every level: leaks, profiles, places, the memory of tensors, grammars, the order of an engine's work, builds. */
export const same = [
  `${src}/torch/{default-device,first-hour,leak,profile,unscoped-memory}.test.ts`,
  `${src}/optim/flat-memory.test.ts`,
  `${src}/lm/constraint/*.test.ts`,
  `${src}/lm/{folder,text-stream,config,layer-path}.test.ts`,
  `${src}/lm/engine/{callbacks,mailbox,request,sample-answers,schedule,text-request}.test.ts`,
  'packages/native/test/!(level).test.ts',
];
export default mergeConfig(whole, {
  test: {
    exclude: [
      ...configDefaults.exclude,
      ...same,
      `${src}/!(lm|nn|optim|torch|train)/**`,
      `${src}/train/**/!(pretrain|step-gradients).test.ts`,
      'tests/**',
    ],
  },
});
