// Stage: several models → one, merged with a method of mergekit.
import { join } from 'node:path';
import { ConfigError } from '../base/index.ts';
import { checkMergeModels, forecastMerge, mergeModels } from '../compress/index.ts';
import { parameterTable, publishedConfig } from '../lm/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit, interruptible, toJson } from '../run/index.ts';
import { mergeStageConfig } from './config.ts';
import { modelConfigOf } from './model-config.ts';

export const merge = defineStage({
  name: 'merge',
  version: 1,
  makes: 'model',
  inputs: { models: ['model'] },
  config: mergeStageConfig,
  output: 'model',
  resumes: false,
  check({ merge_method, base, models: own }, { models }) {
    const count = models.length - (base ? 1 : 0);
    checkMergeModels(merge_method, count, base);
    if (own.length > 0 && own.length !== count)
      throw new ConfigError(
        'bad-setting',
        `models: there are parameters of ${own.length} models, and ${count} are merged`,
        {
          remedy: 'Give one entry for each, in their order, without the base.',
          fields: { models: own.length, inputs: count },
        },
      );
  },
  forecast({ config, inputs }) {
    const model = modelConfigOf(inputs.models[0]!);
    const parameters = parameterTable(model).reduce((sum, each) => sum + each.parameters, 0);
    const { seconds, memoryBytes, diskBytes } = forecastMerge(config.merge_method, {
      parameters,
      models: inputs.models.length,
      gate: config.gate,
    });
    return {
      seconds,
      memory: [{ what: 'Node, libtorch, pieces of tensors, models that are compared', bytes: memoryBytes }],
      diskBytes,
      about: toJson(publishedConfig(model), 'the model'),
    };
  },
  async run({ config, inputs, folder, recipe, stream }) {
    const { base, models: own, seed, gate: isGated, ...rest } = config;
    const paths = inputs.models.map(({ path }) => path);
    const merged = base ? paths.slice(1) : paths;
    const asked = {
      ...rest,
      ...(base && { base_model: paths[0]! }),
      models: merged.map((model, i) => ({ model, ...own[i] })),
    };
    const out = join(folder, 'model');
    const result = await interruptible(
      (message) => void stream.write(`${message}\n`),
      (pause) => mergeModels(asked, out, { seed, gate: isGated, recipe, commit: codeCommit(), pause }),
    );
    if (!result) return { interrupted: true };
    const { tensors, parameters, gate } = result;
    return {
      metrics: [
        metric('parameters', parameters),
        metric('tensors', tensors),
        ...(gate ? [metric('bits per character of the prompts', gate.bitsPerCharacter.merged)] : []),
      ],
    };
  },
});
