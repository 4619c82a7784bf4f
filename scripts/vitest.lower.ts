// What .ci/run asks once more as a CPU without AVX-512 runs it: what computes, which is the kernels, and what stands on them up to the
// language model, its decoding in batches, and its training. (`--exclude` on the command line is not heard by projects.)
import { configDefaults, mergeConfig } from 'vitest/config';
import whole from '../vitest.config.ts';

const src = 'packages/tsumugi/src';

/**
 * The same on every level: leaks, profiles, places, random streams, the memory of tensors, grammars, how texts are generated, an engine's
 * order of work and what it keeps, drafts, adapters, rows over ranks, builds; and what has no kernel of its own. What these compute is
 * computed by kernels and layers that are asked themselves.
 */
export const same = [
  `${src}/torch/{checkpoint*,default-device,first-hour,leak,missing-dtype,profile,random,shared,synchronous}.test.ts`,
  `${src}/torch/unscoped-memory.test.ts`,
  `${src}/nn/{functional/distillation,spectral-norm}.test.ts`,
  `${src}/optim/{flat-memory,learning,sharing}.test.ts`,
  `${src}/lm/{constraint,lora,long-rows}/*.test.ts`,
  `${src}/lm/{cache-room,config,embed-ids,folder,generate,init,layer-path,logit-norms,model-surface,prompt-logprobs}.test.ts`,
  `${src}/lm/{replaced-layers,rope-tables,sampling,score-text,stream,text-stream}.test.ts`,
  `${src}/lm/{engine,reward,sampling}/**/*.test.ts`,
  `${src}/lm/paged/mixes.test.ts`,
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
