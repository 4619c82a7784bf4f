// Stage: a model → a larger one that says the same, to be trained on.
import { join } from 'node:path';
import { growForecast, grow as growModel } from '../compress/index.ts';
import { publishedConfig } from '../lm/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit, toJson } from '../run/index.ts';
import { growStageConfig } from './config.ts';
import { modelConfigOf } from './model-config.ts';

export const grow = defineStage({
  name: 'grow',
  version: 1,
  makes: 'model',
  inputs: { model: 'model' },
  config: growStageConfig,
  output: 'model',
  resumes: false,
  forecast({ config, inputs }) {
    const { seconds, memoryBytes, diskBytes, config: after } = growForecast(modelConfigOf(inputs.model), config);
    return {
      seconds,
      memory: [{ what: 'Node, libtorch, pieces of tensors', bytes: memoryBytes }],
      diskBytes,
      about: toJson(publishedConfig(after), 'the model'),
    };
  },
  async run({ config, inputs, folder, recipe }) {
    const out = join(folder, 'model');
    const { parameters, parametersBefore } = await growModel(inputs.model.path, out, config, {
      recipe,
      commit: codeCommit(),
    });
    return { metrics: [metric('parameters', parameters), metric('parameters before', parametersBefore)] };
  },
});
