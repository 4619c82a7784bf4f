// Stage: token shards and tokenizer → a model, trained from the beginning.
import { type Plamo2Config, preset } from '../lm/index.ts';
import { defineStage, metric } from '../recipe/index.ts';
import {
  checkPretrainSettings,
  evaluateTokensOf,
  pretrain as pretrainModel,
  requireIdle,
  requireModelMade,
  type TrainingParts,
} from '../train/index.ts';
import { pretrainStageConfig } from './config.ts';
import { oneStep, TINY_TOKENS, tinyShape } from './dry-run.ts';
import { requireHeldOut } from './require-held-out.ts';
import { trainingForecast } from './training-forecast.ts';
import { trainingMetrics } from './training-metrics.ts';

type Config = ReturnType<typeof pretrainStageConfig.parse>;

// Our choice: text that is read more often is learned by heart (on the two novels, held-out bits per character rise again
// after the fifth time). Source of the number: Muennighoff et al. 2023, arXiv 2305.16264.
const plannedSteps = (
  { steps, epochs = 4, sequenceLength, batchSize, gradientAccumulation }: Config,
  tokens: number,
): number => steps ?? Math.ceil((epochs * tokens) / (sequenceLength * batchSize * gradientAccumulation));

/**
 * The stage with parts of one's own, for recipes. A part is known by its name: give it another one when its code changes, and the model is
 * made anew.
 */
export const pretrainWith = (parts: TrainingParts) =>
  defineStage({
    name: 'pretrain',
    version: 1,
    makes: 'model',
    inputs: { data: 'data', tokenizer: 'tokenizer' },
    config: pretrainStageConfig,
    output: 'model',
    resumes: true,
    dryRun: ({ modelChanges, ...config }) => ({
      ...oneStep(config),
      modelChanges: { ...modelChanges, ...tinyShape },
      minutes: undefined,
      sequenceLength: TINY_TOKENS,
      evaluateTokens: undefined,
    }),
    async uses() {
      const own = { optimizer: parts.optimizer?.name, loss: parts.loss?.name };
      return Object.fromEntries(Object.entries(own).filter((each): each is [string, string] => each[1] !== undefined));
    },
    check(config) {
      checkPretrainSettings(config);
      requireModelMade(config);
      if (config.steps !== undefined) requireIdle('epochs', config.epochs, 'where the steps are given');
    },
    forecast({ config, inputs }) {
      const { tokens = 0, 'held-out tokens': heldOut = 0 } = inputs.data.metrics;
      requireHeldOut([inputs.data]);
      const model = preset(config.model, {
        ...(config.modelChanges as Partial<Plamo2Config>),
        ...(inputs.tokenizer.metrics['pieces'] !== undefined && { vocab_size: inputs.tokenizer.metrics['pieces'] }),
      });
      const steps = plannedSteps(config, tokens);
      return {
        ...trainingForecast(model, [{ ...config, steps }], {
          heldOutTokens: heldOut,
          evaluateEvery: config.evaluateEvery,
          evaluateTokens: evaluateTokensOf(config),
          keepLast: config.keepLast,
          keepSteps: config.keepSteps,
          device: config.device,
          limit: config.minutes === undefined ? undefined : config.minutes * 60,
        }),
        lowers: {
          time: [config.steps === undefined ? 'epochs' : 'steps', 'model'],
          memory: ['batchSize', 'activationCheckpointing', 'sequenceLength', 'model'],
          disk: ['keepLast', 'model'],
        },
      };
    },
    async run({ config, inputs, folder, recipe, resumed, stream }) {
      const { epochs: _epochs, ...settings } = config;
      const paths = { data: inputs.data.path, tokenizer: inputs.tokenizer.path, out: folder };
      const steps = plannedSteps(config, inputs.data.metrics['tokens'] ?? 0);
      const { interrupted, before, after } = await pretrainModel(
        { ...settings, ...paths, steps },
        { ...parts, resume: resumed, recipe, stream },
      );
      if (interrupted || !before || !after) return { interrupted: true };
      return {
        metrics: [
          metric('held-out bits per character', after.bitsPerCharacter),
          metric('held-out bits per character before', before.bitsPerCharacter),
          metric('held-out perplexity', after.perplexity),
          ...trainingMetrics(folder),
        ],
      };
    },
  });

export const pretrain = pretrainWith({});
