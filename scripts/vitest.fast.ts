// npm run test:fast: the tests that take a minute in all on two quiet cores. What is left out stands here with the reason, as
// whole files; `npm test` runs them too. A file that takes more than three seconds belongs here, but for the tests of kernels.
import { configDefaults, mergeConfig } from 'vitest/config';
import whole from '../vitest.config.ts';

const src = 'packages/tsumugi/src';

/** Why files are left out → the files. */
export const slow: Readonly<Record<string, readonly string[]>> = {
  'train until something is learnt, or once for every setting': [
    `${src}/gan/{train,trainer,settings,regularization,measure,parts}.test.ts`,
    `${src}/gan/scores/{classifier,inception,tfjs-layers}.test.ts`,
    `${src}/lm/{learning,engine/mixes,logit-norms,text-stream,folder,activation-checkpointing}.test.ts`,
    `${src}/compress/{prune/prune,grow/grow,quantize/quantize-model,quantize/sensitivity,quantize/runs}.test.ts`,
    `${src}/compress/{adapter/merge-adapter,merge/merge-models,merge/join-tokenizers,export/hf/export-hf}.test.ts`,
    `${src}/lm/{lora/lora,ops/ssd-scan}.test.ts`,
    `${src}/optim/{flat-memory,updates}.test.ts`,
    `${src}/stages/{text-stages,training-stages,merge,sft,dpo,grpo}.test.ts`,
    `${src}/synth/pairs/make-pairs.test.ts`,
    `${src}/train/{ending,settings,extend-settings,extend,pretrain,inputs,check-settings,rehearse-steps}.test.ts`,
    `${src}/train/{forecast,step-gradients,sft,sft-settings,with-adapters,distill,precompute-logits,parts,answer-loss}.test.ts`,
    `${src}/train/{dpo,kto,reward,grpo,preference/identities}.test.ts`,
    'tests/{library,stability,gan-docs,dry-run,comparing,device-check}.test.ts',
    'tests/{mini,finetune,iterative,translate}-recipe.test.ts',
    'tests/gan-comparison.test.ts',
  ],
  'start the command, or another process, many times': [
    '**/*kill.test.ts',
    'packages/native/test/{building,level,loader,memory,setup-lock}.test.ts',
    `${src}/cli/{ending,run,gan,gan-options,eval,main,json-option,command-options,exit-codes,extend}.test.ts`,
    `${src}/cli/{cut-off,resume,merge,sft,sft-lora,grpo,synth-pairs,synth-build,tuning-parquet,quantized-folders}.test.ts`,
    `${src}/store/hub/download.test.ts`,
    `${src}/eval/settings.test.ts`,
    `${src}/recipe/{recipe,cut-off}.test.ts`,
    `${src}/run/lock.test.ts`,
    `${src}/torch/{leak,profile,random}.test.ts`,
    'tests/{bench,extend,full-disk,named-options,optional-packages,own-code,package,readme,skips,write-faults}.test.ts',
  ],
  'read or hash much': [
    `${src}/base/content-hash.test.ts`,
    `${src}/eval/tasks/pfgen/published.test.ts`,
    `${src}/eval/tasks/m-ifeval/verifiers.test.ts`,
    `${src}/images/{image-folder,formats}.test.ts`,
    `${src}/store/gguf/{reader,codec}.test.ts`,
    `${src}/store/checkpoint/checkpoint.test.ts`,
    `${src}/store/safetensors/malformed.test.ts`,
    `${src}/text/{growth,tokenized,sources,packing,prepare,evaluation}.test.ts`,
    `${src}/text/tokenizer/train.test.ts`,
    'tests/fuzz-{images,models,text}.test.ts',
  ],
};

export default mergeConfig(whole, {
  test: { exclude: [...configDefaults.exclude, ...Object.values(slow).flat()] },
});
