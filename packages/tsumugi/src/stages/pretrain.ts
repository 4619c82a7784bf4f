// Stage: token shards and tokenizer → a model, trained from the beginning.
import { type Plamo2Config, preset } from '../lm/index.ts';
import { defineStage, figure } from '../run/index.ts';
import { pretrain as pretrainModel } from '../train/index.ts';
import { pretrainStageConfig } from './config.ts';
import { trainedParameters } from './trained-parameters.ts';
import { trainingForecast } from './training-forecast.ts';

type Config = ReturnType<typeof pretrainStageConfig.parse>;

const plannedSteps = ({ steps, epochs, contextLength, batchSize, accumulate }: Config, tokens: number): number =>
  steps ?? Math.ceil((epochs * tokens) / (contextLength * batchSize * accumulate));

export const pretrain = defineStage({
  name: 'pretrain',
  version: 1,
  makes: 'model',
  inputs: { data: 'data', tokenizer: 'tokenizer' },
  config: pretrainStageConfig,
  output: 'model',
  resumes: true,
  forecast({ config, inputs }) {
    const { tokens = 0, 'held-out tokens': heldOut = 0 } = inputs.data.figures;
    const model = preset(config.model, {
      ...(config.modelChanges as Partial<Plamo2Config>),
      ...(inputs.tokenizer.figures['pieces'] !== undefined && { vocab_size: inputs.tokenizer.figures['pieces'] }),
    });
    const steps = plannedSteps(config, tokens);
    return {
      ...trainingForecast(model, [{ ...config, steps }], {
        heldOutTokens: heldOut,
        evaluateEvery: config.evaluateEvery,
        evaluateTokens: config.evaluateTokens,
        keepLast: config.keepLast,
        device: config.device,
        limit: config.minutes === undefined ? undefined : config.minutes * 60,
      }),
      lowers: {
        time: [config.steps === undefined ? 'epochs' : 'steps', 'model'],
        memory: ['batchSize', 'checkpointLayers', 'contextLength', 'model'],
        disk: ['keepLast', 'model'],
      },
    };
  },
  async run({ config, inputs, folder, recipe, resumed, stream }) {
    const { epochs: _epochs, ...settings } = config;
    const paths = { data: inputs.data.path, tokenizer: inputs.tokenizer.path, out: folder };
    const steps = plannedSteps(config, inputs.data.figures['tokens'] ?? 0);
    const { interrupted, before, after } = await pretrainModel(
      { ...settings, ...paths, steps },
      { resume: resumed, recipe, stream },
    );
    if (interrupted || !after) return { interrupted: true };
    return {
      figures: [
        figure('held-out bits per character', after.bitsPerCharacter),
        figure('held-out bits per character before', before.bitsPerCharacter),
        figure('held-out perplexity', after.perplexity),
        figure('parameters', trainedParameters(folder)),
        figure('tokens learned from', steps * config.contextLength * config.batchSize * config.accumulate),
      ],
    };
  },
});
