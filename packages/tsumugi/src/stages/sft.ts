// Stage: a model and files of examples, and others to measure on where there are some → the model, fine-tuned on them.
import { ConfigError } from '../base/index.ts';
import { defineStage, metric, type StageInput } from '../recipe/index.ts';
import {
  checkSftSettings,
  DEFAULT_EPOCHS,
  DEFAULT_HELD_OUT,
  requireIdle,
  requireModelMade,
  sft as tune,
} from '../train/index.ts';
import { sftStageConfig } from './config.ts';
import { modelConfigOf } from './model-config.ts';
import { trainingForecast } from './training-forecast.ts';
import { trainingMetrics } from './training-metrics.ts';

/** Bytes of a row of instruction data, and of one of its tokens: our guesses, for forecasts before anything is read. */
const [bytesPerExample, bytesPerToken] = [600, 5];

export const sft = defineStage({
  name: 'sft',
  version: 1,
  makes: 'model',
  inputs: { model: 'model', examples: 'examples', heldOut: ['examples'] },
  config: sftStageConfig,
  output: 'model',
  resumes: true,
  check({ heldOut, ...config }, inputs) {
    checkSftSettings({ heldOut: heldOut ?? DEFAULT_HELD_OUT, ...config });
    requireModelMade(config);
    if (inputs.heldOut.length === 0) return;
    requireIdle('heldOut', heldOut, 'with examples to measure on among the inputs');
    if (inputs.heldOut.length === 1) return;
    throw new ConfigError('too-many-inputs', `sft measures on one set of examples, got ${inputs.heldOut.length}`, {
      remedy: 'Give it one, or none.',
    });
  },
  forecast({ config, inputs }) {
    const { batchSize, gradientAccumulation, sequenceLength, evaluateTokens, evaluateEvery } = config;
    const { keepLast, keepSteps, device } = config;
    const examples = countOf(inputs.examples);
    const steps =
      config.steps ?? Math.ceil(((config.epochs ?? DEFAULT_EPOCHS) * examples) / (batchSize * gradientAccumulation));
    // Short examples share rows, or make them shorter.
    const tokens = Math.min(sequenceLength, Math.ceil(inputs.examples.bytes / examples / bytesPerToken));
    const all = inputs.heldOut[0] ? inputs.heldOut[0].bytes / bytesPerToken : examples * tokens * (config.heldOut ?? DEFAULT_HELD_OUT); // biome-ignore format: one choice
    return {
      ...trainingForecast(modelConfigOf(inputs.model), [{ ...config, steps, sequenceLength: tokens }], {
        heldOutTokens: Math.min(all, evaluateTokens),
        evaluateTokens,
        evaluateEvery,
        keepLast,
        keepSteps,
        device,
      }),
      lowers: { time: ['steps', 'epochs'], memory: ['batchSize', 'activationCheckpointing'], disk: ['keepLast'] },
    };
  },
  async run({ config: { heldOut = DEFAULT_HELD_OUT, ...config }, inputs, folder, recipe, resumed, stream }) {
    const { model, examples } = inputs;
    const measuredOn = inputs.heldOut[0] ? [...inputs.heldOut[0].paths] : heldOut;
    const paths = { model: model.path, data: [...examples.paths], heldOut: measuredOn, out: folder };
    const { interrupted, before, after } = await tune({ ...config, ...paths }, { resume: resumed, recipe, stream });
    if (interrupted || !before || !after) return { interrupted: true };
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

const countOf = ({ metrics, bytes }: StageInput) =>
  metrics['examples'] ?? Math.max(1, Math.ceil(bytes / bytesPerExample));
