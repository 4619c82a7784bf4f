// Stage: a model and a text → a smaller model of the parts that are most active on the text.
import { join } from 'node:path';
import { pruneConfig, prunedConfig, pruneForecast, prune as pruneModel } from '../compress/index.ts';
import { publishedConfig } from '../lm/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit, interruptible, toJson } from '../run/index.ts';
import { TINY_TOKENS, tinyTarget } from './dry-run.ts';
import { modelConfigOf } from './model-config.ts';
import { openText } from './reading.ts';

export const prune = defineStage({
  name: 'prune',
  version: 2,
  makes: 'model',
  inputs: { model: 'model', text: 'text' },
  config: pruneConfig,
  output: 'model',
  resumes: false,
  dryRun: (config) => ({ ...tinyTarget(config, 1 / 2), sequences: 2, sequenceLength: TINY_TOKENS }),
  forecast({ config, inputs }) {
    const before = modelConfigOf(inputs.model);
    const after = prunedConfig(before, config);
    const { seconds, memoryBytes, diskBytes } = pruneForecast(before, after, config);
    return {
      seconds,
      memory: [{ what: 'both models, activations, Node and libtorch', bytes: memoryBytes }],
      diskBytes,
      about: toJson(publishedConfig(after), 'the model'),
      lowers: { time: ['sequences'] },
    };
  },
  async run({ config, inputs, folder, recipe, stream }) {
    const text = openText(inputs.text);
    const result = await interruptible(
      (message) => void stream.write(`${message}\n`),
      (pause) =>
        pruneModel(inputs.model.path, join(folder, 'model'), config, { text, recipe, commit: codeCommit(), pause }),
    );
    if (!result) return { interrupted: true };
    const [before, after] = result.rows;
    return {
      metrics: [
        metric('parameters', after.parameters),
        metric('parameters before', before.parameters),
        metric('calibration loss', after.loss, 'nats'),
        metric('calibration loss before', before.loss, 'nats'),
      ],
    };
  },
});
