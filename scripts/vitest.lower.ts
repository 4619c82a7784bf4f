// What .ci/run asks once more as a CPU without AVX-512 runs it: what computes, which is the kernels, and what stands on them up to the
// language model, its decoding in batches, and its training. (`--exclude` on the command line is not heard by projects.)
import { configDefaults, mergeConfig } from 'vitest/config';
import whole from '../vitest.config.ts';

const src = 'packages/tsumugi/src';

/**
 * The same on every level: leaks, profiles, places, random streams, the memory of tensors, grammars, an engine's order of work and what
 * it keeps, drafts, adapters, rows over ranks, builds. What these compute is computed by kernels and layers that are asked themselves.
 */
export const same = [
  `${src}/torch/{checkpoint-workers,default-device,first-hour,leak,profile,random,shared,unscoped-memory}.test.ts`,
  `${src}/optim/{flat-memory,sharing}.test.ts`,
  `${src}/lm/{constraint,lora,long-rows}/*.test.ts`,
  `${src}/lm/{config,folder,init,layer-path,prompt-logprobs,replaced-layers,sampling,stream,text-stream}.test.ts`,
  `${src}/lm/engine/!(mixes).test.ts`,
  `${src}/lm/engine/speculation/*.test.ts`,
  'packages/native/test/!(level).test.ts',
];
export default mergeConfig(whole, {
  test: {
    exclude: [
      ...configDefaults.exclude,
      ...same,
      `${src}/!(lm|nn|optim|torch|train)/**`,
      `${src}/train/**/!(step-gradients).test.ts`,
      'tests/**',
    ],
  },
});
