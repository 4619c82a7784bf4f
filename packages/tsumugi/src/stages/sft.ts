// Stage: a model and files of examples, and others to measure on where there are some → the model, fine-tuned on them.
import { defineStage, metric } from '../recipe/index.ts';
import { checkRows } from '../text/index.ts';
import {
  checkSftSettings,
  DEFAULT_EPOCHS,
  DEFAULT_HELD_OUT,
  openSftData,
  requireModelMade,
  sft as tune,
} from '../train/index.ts';
import { sftStageConfig } from './config.ts';
import { oneTuningStep } from './dry-run.ts';
import { openRows } from './open-rows.ts';
import { trainingMetrics } from './training-metrics.ts';
import { checkHeldOut, tuningForecast, usesTemplate } from './tuning-inputs.ts';
import { mergeTuned, tuningPlaces } from './tuning-run.ts';

export const sft = defineStage({
  name: 'sft',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', examples: 'examples', heldOut: ['examples'] },
  config: sftStageConfig,
  output: 'model',
  resumes: true,
  dryRun: oneTuningStep,
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
  open: ({ config, inputs }) => openRows(config, inputs, inputs.examples, checkRows('answers'), openSftData),
  async run({ config: { heldOut = DEFAULT_HELD_OUT, ...config }, inputs, folder, recipe, resumed, stream }) {
    const { model, examples } = inputs;
    const places = tuningPlaces(model, examples, inputs.heldOut, heldOut, folder);
    const tuned = await tune({ ...config, ...places }, { resume: resumed, recipe, stream });
    const { interrupted, before, after } = tuned;
    if (interrupted || !before || !after) return { interrupted: true };
    await mergeTuned(tuned, config, { model, folder, recipe });
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
