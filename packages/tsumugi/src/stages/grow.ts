// Stage: a model, and another tokenizer if it is to have one → a larger model that says the same, to be trained on.
import { join } from 'node:path';
import { ConfigError } from '../base/index.ts';
import { growConfig, growForecast, grow as growModel } from '../compress/index.ts';
import { publishedConfig } from '../lm/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit, interruptible, toJson } from '../run/index.ts';
import { Tokenizer } from '../text/index.ts';
import { tinyTarget } from './dry-run.ts';
import { modelConfigOf } from './model-config.ts';

export const grow = defineStage({
  name: 'grow',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', tokenizer: ['tokenizer'] },
  config: growConfig,
  output: 'model',
  resumes: false,
  dryRun: (config) => tinyTarget(config, 2),
  check(_, { tokenizer }) {
    if (tokenizer.length > 1)
      throw new ConfigError('bad-input', `${tokenizer.length} tokenizers are given, and a model has one`, {
        remedy: 'Give one, or none.',
      });
  },
  forecast({ config, inputs }) {
    const before = modelConfigOf(inputs.model);
    const pieces = inputs.tokenizer.map(({ path, metrics }) => metrics['pieces'] ?? Tokenizer.load(path).vocabSize)[0];
    const transplanted = pieces === undefined ? undefined : { ...before, vocab_size: pieces };
    const { seconds, memoryBytes, diskBytes, config: after } = growForecast(before, config, transplanted);
    return {
      seconds,
      memory: [{ what: 'Node, libtorch, pieces of tensors', bytes: memoryBytes }],
      diskBytes,
      about: toJson(publishedConfig(after), 'the model'),
    };
  },
  async run({ config, inputs, folder, recipe, stream }) {
    const out = join(folder, 'model');
    const tokenizer = inputs.tokenizer[0]?.path;
    const result = await interruptible(
      (message) => void stream.write(`${message}\n`),
      (pause) => growModel(inputs.model.path, out, config, { tokenizer, recipe, commit: codeCommit(), pause }),
    );
    if (!result) return { interrupted: true };
    const { parameters, parametersBefore } = result;
    return { metrics: [metric('parameters', parameters), metric('parameters before', parametersBefore)] };
  },
});
