// Training of a reward model: a language model gets a head that gives whole answers a number, and learns from pairs to give the better
// one more. The pairs of step k are a function of (seed, k), so a resumed run goes on bit for bit.
import { deriveSeed } from '../base/index.ts';
import { addRewardHead, initialRewardHead, type Plamo2, type Plamo2WithReward, saveRewardModel } from '../lm/index.ts';
import { formatInteger } from '../run/index.ts';
import type { PreferenceExample } from '../text/index.ts';
import { parseDevice } from '../torch/index.ts';
import { endingWith } from './chat-data.ts';
import { checkRewardSettings } from './check-reward.ts';
import { forecastSpace, forecastUnevenTime } from './forecast.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import {
  evaluatePreferences,
  measuredPreferences,
  type PreferenceEvaluation,
} from './preference/evaluate-preferences.ts';
import type { OutcomeOptions, Work } from './preference/outcome.ts';
import { openPairs } from './preference/preference-data.ts';
import { preferenceGradients } from './preference/preference-gradients.ts';
import { rowsOf } from './preference/preference-source.ts';
import { type PairBatch, PreferenceSteps, pairBatches } from './preference/preference-steps.ts';
import { rewardOutcome } from './preference/reward-outcome.ts';
import { rewardEvaluationState } from './remembered-state.ts';
import { DEFAULT_REWARD_EPOCHS, type RewardConfig, rewardMayChange } from './reward-config.ts';
import { computeType } from './step-gradients.ts';
import { trainModel } from './train-model.ts';
import { openTuningBase } from './tuning-base.ts';
import { withAdapters } from './with-adapters.ts';

/** Means over pairs. */
export type RewardEvaluation = Pick<
  PreferenceEvaluation,
  'loss' | 'accuracy' | 'margin' | 'chosenReward' | 'rejectedReward' | 'count'
>;
/** `before` is the head that has learned nothing, `after` the trained one. */
export type RewardResult = TrainResult<RewardEvaluation>;
/** What is learned is the settings' to say. */
export type RewardOptions = Omit<TrainOptions, 'loss'>;

/**
 * Trains a reward model from the model in `config.model` on the pairs in `config.data`, and writes it to `<out>/model`; adapters
 * (`lora`) are merged into it. `loadRewardModel` opens it.
 *
 * @throws ConfigError, DataError naming file, row and field, UserError (not enough memory or disk) before anything is written; a
 *   UserError `diverged` when the loss is NaN
 */
export async function reward(config: RewardConfig, options: RewardOptions = {}): Promise<RewardResult> {
  using task = await rewardTraining(config);
  return await trainModel(task, options);
}

/** Opens what the training of a reward model needs. @throws ConfigError, DataError */
export async function rewardTraining(config: RewardConfig): Promise<ModelTraining<RewardEvaluation>> {
  checkRewardSettings(config);
  const base = await openTuningBase(config);
  const device = parseDevice(config.device);
  const data = await openPairs(config);
  const modelConfig = endingWith(base.config, data.template, data.tokenizer);
  const { hidden_size: D } = modelConfig;
  const { batchSize, gradientAccumulation, activationCheckpointing } = config;
  const dtype = computeType(config.dtype);
  const rows = { ...rowsOf(config, data.tokenizer), batchSize };
  const seed = deriveSeed(config.seed, 'batches');
  const batches = new PreferenceSteps(data.examples, { ...rows, gradientAccumulation, seed });
  const steps = config.steps ?? batches.stepsOf(config.epochs ?? DEFAULT_REWARD_EPOCHS);
  const { largest, meanTokens } = batches.sizes(steps);
  const phase = { ...largest, predicted: 0, steps, gradientAccumulation, activationCheckpointing };
  // A head of the model's own, which predicts tokens, is not asked for any.
  const isFrozen = modelConfig.tie_word_embeddings ? undefined : (path: string) => path.startsWith('lm_head.');
  const part = { added: D, isFrozen };
  const addBeside = (model: Plamo2) =>
    addRewardHead(model, initialRewardHead(D, deriveSeed(config.seed, 'reward head'), device));
  const withMargin = data.examples.filter(({ margin }) => margin !== undefined).length;
  function* workOf(
    model: Plamo2,
    pairs: readonly PreferenceExample[],
    all: Iterable<PairBatch | undefined>,
    options: OutcomeOptions,
  ): Generator<Work> {
    for (const batch of all)
      yield () => batch && rewardOutcome(model as Plamo2WithReward, pairs, batch, config.centering, options);
  }
  const task: ModelTraining<RewardEvaluation> = {
    name: 'reward',
    config,
    inputs: { model: base.input, ...data.inputs },
    mayChange: rewardMayChange,
    modelConfig,
    part,
    phases: [phase],
    rehearsesSteps: false,
    space: forecastSpace('reward', modelConfig, [phase], config, part),
    lines: [
      ...data.lines,
      ...(withMargin > 0 ? [`with a margin: ${formatInteger(withMargin)} pairs`] : []),
      `reward head: ${formatInteger(D)} numbers beside the model`,
    ],
    plan({ secondsPerStep, start }) {
      return {
        steps,
        time: forecastUnevenTime({ ...phase, steps: steps - start }, meanTokens, secondsPerStep),
        lines: [
          `  ${batches.epochAt(steps).toFixed(1)} epochs of ${formatInteger(batches.itemsPerStep)} pairs a step, ${rows.layout}`,
        ],
      };
    },
    makeModel: () => addBeside(base.makeModel(modelConfig)),
    addBeside,
    gradients: (model, within) =>
      preferenceGradients(
        batches,
        (step, options, mesh) => workOf(model, data.examples, batches.at(step, mesh), options),
        config,
        within,
      ),
    evaluation: rewardEvaluationState,
    evaluate: (model, _, pause, mesh) =>
      evaluatePreferences(workOf(model, data.heldOut, pairBatches(data.heldOut, rows, mesh), { dtype }), pause, mesh),
    measured: (found, { step, at }) => measuredPreferences(found, 'pairs', at === 'before' ? 'untrained head' : step),
    saved: {
      name: 'model',
      save: (place, model, options) => saveRewardModel(place, model as Plamo2WithReward, options),
    },
    result: base.resultOf(data),
    [Symbol.dispose]() {},
  };
  return withAdapters(task, config, config.model);
}
