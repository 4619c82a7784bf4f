// Stage: a model and files of pairs, and others to measure on where there are some → the model that prefers the chosen answers.
import { defineStage, metric } from '../recipe/index.ts';
import { checkRows } from '../text/index.ts';
import {
  checkDpoSettings,
  DEFAULT_DPO_EPOCHS,
  DEFAULT_HELD_OUT,
  dpo as learn,
  openPairs,
  openRated,
  requireModelMade,
  stepWork,
} from '../train/index.ts';
import { dpoStageConfig } from './config.ts';
import { oneTuningStep } from './dry-run.ts';
import { openRows } from './open-rows.ts';
import { trainingMetrics } from './training-metrics.ts';
import { checkHeldOut, tuningForecast, usesTemplate } from './tuning-inputs.ts';
import { mergeTuned, tuningPlaces } from './tuning-run.ts';

export const dpo = defineStage({
  name: 'dpo',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', pairs: 'examples', heldOut: ['examples'] },
  config: dpoStageConfig,
  output: 'model',
  resumes: true,
  dryRun: oneTuningStep,
  check({ heldOut, ...config }, inputs) {
    checkDpoSettings({ heldOut: heldOut ?? DEFAULT_HELD_OUT, ...config });
    requireModelMade(config);
    checkHeldOut('dpo', heldOut, inputs.heldOut);
  },
  uses: usesTemplate,
  forecast({ config: { epochs = DEFAULT_DPO_EPOCHS, heldOut = DEFAULT_HELD_OUT, ...config }, inputs }) {
    const { model, pairs: rows, heldOut: own } = inputs;
    const evaluateTokens = Number.POSITIVE_INFINITY; // all of them are measured
    const texts = config.loss === 'kto' ? 1 : 2; // an answer with a label, or a pair
    const found = tuningForecast({ ...config, epochs, heldOut, evaluateTokens }, { model, rows, own: own[0], texts });
    return { ...found, seconds: found.seconds * stepWork(config.loss) };
  },
  open: ({ config, inputs }) =>
    config.loss === 'kto'
      ? openRows(config, inputs, inputs.pairs, checkRows('ratings'), openRated)
      : openRows(config, inputs, inputs.pairs, checkRows('pairs'), openPairs),
  async run({ config: { heldOut = DEFAULT_HELD_OUT, ...config }, inputs, folder, recipe, resumed, stream }) {
    const { model, pairs } = inputs;
    const places = tuningPlaces(model, pairs, inputs.heldOut, heldOut, folder);
    const learned = await learn({ ...config, ...places }, { resume: resumed, recipe, stream });
    const { interrupted, before, after } = learned;
    if (interrupted || !before || !after) return { interrupted: true };
    await mergeTuned(learned, config, { model, folder, recipe });
    const what = config.loss === 'kto' ? 'answers' : 'pairs';
    return {
      metrics: [
        metric(`held-out ${what} right`, after.accuracy),
        metric(`held-out ${what} right before`, before.accuracy),
        metric('held-out margin', after.margin),
        metric('entropy of a token', after.entropy, 'nats'),
        metric('entropy of a token before', before.entropy, 'nats'),
        ...trainingMetrics(folder),
      ],
    };
  },
});
