// Stage: a model and files of examples, and others to measure on where there are some → the model, fine-tuned on them.
import { join } from 'node:path';
import { mergeAdapter } from '../compress/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import { codeCommit } from '../run/index.ts';
import { checkSftSettings, DEFAULT_EPOCHS, DEFAULT_HELD_OUT, requireModelMade, sft as tune } from '../train/index.ts';
import { sftStageConfig } from './config.ts';
import { oneStep } from './dry-run.ts';
import { trainingMetrics } from './training-metrics.ts';
import { checkHeldOut, tuningForecast, usesTemplate } from './tuning-inputs.ts';

export const sft = defineStage({
  name: 'sft',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', examples: 'examples', heldOut: ['examples'] },
  config: sftStageConfig,
  output: 'model',
  resumes: true,
  dryRun: (config) => ({ ...oneStep(config), tooLong: 'drop', loraLayers: undefined, gradientAccumulation: 1 }),
  check({ heldOut, ...config }, inputs) {
    checkSftSettings({ heldOut: heldOut ?? DEFAULT_HELD_OUT, ...config });
    requireModelMade(config);
    checkHeldOut('sft', heldOut, inputs.heldOut);
  },
  uses: usesTemplate,
  forecast({ config: { epochs = DEFAULT_EPOCHS, heldOut = DEFAULT_HELD_OUT, ...config }, inputs }) {
    const { model, examples: rows, heldOut: own } = inputs;
    return tuningForecast({ ...config, epochs, heldOut }, { model, rows, own: own[0], texts: 1 });
  },
  async run({ config: { heldOut = DEFAULT_HELD_OUT, ...config }, inputs, folder, recipe, resumed, stream }) {
    const { model, examples } = inputs;
    const measuredOn = inputs.heldOut[0] ? [...inputs.heldOut[0].paths] : heldOut;
    const paths = { model: model.path, data: [...examples.paths], heldOut: measuredOn, out: folder };
    const tuned = await tune({ ...config, ...paths }, { resume: resumed, recipe, stream });
    const { interrupted, before, after } = tuned;
    if (interrupted || !before || !after) return { interrupted: true };
    if (config.lora !== undefined && tuned.folder !== undefined)
      await mergeAdapter(tuned.folder, join(folder, 'model'), { base: model.path, recipe, commit: codeCommit() });
    return {
      metrics: [
        metric("held-out loss of an answer's token", after.crossEntropy, 'nats'),
        metric("held-out loss of an answer's token before", before.crossEntropy, 'nats'),
        metric('held-out tokens right', after.accuracy),
        metric('held-out tokens right before', before.accuracy),
        ...trainingMetrics(folder),
      ],
    };
  },
});
