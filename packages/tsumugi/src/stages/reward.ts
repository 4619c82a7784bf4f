// Stage: a model and files of pairs, and others to measure on where there are some → a model that gives answers a reward.
import { defineStage, metric } from '../recipe/index.ts';
import { checkRows } from '../text/index.ts';
import {
  checkRewardSettings,
  DEFAULT_HELD_OUT,
  DEFAULT_REWARD_EPOCHS,
  reward as learn,
  openPairs,
  requireModelMade,
} from '../train/index.ts';
import { rewardStageConfig } from './config.ts';
import { oneTuningStep } from './dry-run.ts';
import { openRows } from './open-rows.ts';
import { trainingMetrics } from './training-metrics.ts';
import { checkHeldOut, tuningForecast, usesTemplate } from './tuning-inputs.ts';
import { tuningPlaces } from './tuning-run.ts';

export const reward = defineStage({
  name: 'reward',
  version: 1,
  makes: 'reward',
  inputs: { model: 'model', pairs: 'examples', heldOut: ['examples'] },
  config: rewardStageConfig,
  output: 'model',
  resumes: true,
  dryRun: oneTuningStep,
  check({ heldOut, ...config }, inputs) {
    checkRewardSettings({ heldOut: heldOut ?? DEFAULT_HELD_OUT, ...config });
    requireModelMade(config);
    checkHeldOut('reward', heldOut, inputs.heldOut);
  },
  uses: usesTemplate,
  forecast({ config: { epochs = DEFAULT_REWARD_EPOCHS, heldOut = DEFAULT_HELD_OUT, ...config }, inputs }) {
    const { model, pairs: rows, heldOut: own } = inputs;
    const evaluateTokens = Number.POSITIVE_INFINITY; // all of them are measured
    return tuningForecast({ ...config, epochs, heldOut, evaluateTokens }, { model, rows, own: own[0], texts: 2 });
  },
  open: ({ config, inputs }) => openRows(config, inputs, inputs.pairs, checkRows('pairs'), openPairs),
  async run({ config: { heldOut = DEFAULT_HELD_OUT, ...config }, inputs, folder, recipe, resumed, stream }) {
    const { model, pairs } = inputs;
    const places = tuningPlaces(model, pairs, inputs.heldOut, heldOut, folder);
    const { interrupted, before, after } = await learn({ ...config, ...places }, { resume: resumed, recipe, stream });
    if (interrupted || !before || !after) return { interrupted: true };
    return {
      metrics: [
        metric('held-out pairs right', after.accuracy),
        metric('held-out pairs right before', before.accuracy),
        metric('held-out margin', after.margin),
        ...trainingMetrics(folder),
      ],
    };
  },
});
