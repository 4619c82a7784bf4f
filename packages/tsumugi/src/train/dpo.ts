// Preference training: a model learns which answers are better. The pairs or answers of step k are a function of (seed, k), so a resumed run
// goes on bit for bit; what the reference says of all answers is asked once, before the first step.
import { deriveSeed } from '../base/index.ts';
import { formatInteger } from '../run/index.ts';
import { parseDevice } from '../torch/index.ts';
import { endingWith } from './chat-data.ts';
import { checkDpoSettings } from './check-dpo.ts';
import { DEFAULT_DPO_EPOCHS, type DpoConfig, dpoMayChange, stepWork } from './dpo-config.ts';
import { forecastSpace, forecastUnevenTime } from './forecast.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import {
  evaluatePreferences,
  measuredPreferences,
  type PreferenceEvaluation,
} from './preference/evaluate-preferences.ts';
import { pairSource } from './preference/pair-source.ts';
import { preferenceGradients } from './preference/preference-gradients.ts';
import { ratedSource } from './preference/rated-source.ts';
import { referenceLogprobs } from './preference/reference-logprobs.ts';
import { preferenceEvaluationState } from './remembered-state.ts';
import { computeType } from './step-gradients.ts';
import { trainModel } from './train-model.ts';
import { openTuningBase } from './tuning-base.ts';
import { withAdapters } from './with-adapters.ts';

/** `before` is the model as it came, `after` the trained one. */
export type DpoResult = TrainResult<PreferenceEvaluation>;
/** What is learned is the settings' to say. */
export type DpoOptions = Omit<TrainOptions, 'loss'>;

/**
 * Trains the model in `config.model` on the pairs, or rated answers, in `config.data`, and writes it to `<out>/model`; with `lora` adapters over it, which it
 * writes to `<out>/adapter`.
 *
 * @throws ConfigError, DataError naming file and row (a pair that is longer than a row, two answers that are the same), UserError (not
 *   enough memory or disk) before anything is written; a UserError `diverged` when the loss is NaN
 */
export async function dpo(config: DpoConfig, options: DpoOptions = {}): Promise<DpoResult> {
  using task = await preferenceTraining(config);
  return await trainModel(task, options);
}

/** Opens what a run of preference training needs. @throws ConfigError, DataError */
export async function preferenceTraining(config: DpoConfig): Promise<ModelTraining<PreferenceEvaluation>> {
  checkDpoSettings(config);
  const base = await openTuningBase(config);
  const device = parseDevice(config.device);
  const { gradientAccumulation, activationCheckpointing } = config;
  const open = config.loss === 'kto' ? ratedSource : pairSource;
  const source = await open(config, deriveSeed(config.seed, 'batches'));
  const { data, rows, what } = source;
  const modelConfig = endingWith(base.config, data.template, data.tokenizer);
  const dtype = computeType(config.dtype);
  const steps = config.steps ?? source.steps.stepsOf(config.epochs ?? DEFAULT_DPO_EPOCHS);
  const { largest, meanTokens } = source.steps.sizes(steps);
  const phase = { ...largest, steps, gradientAccumulation, activationCheckpointing };
  const task: ModelTraining<PreferenceEvaluation> = {
    name: 'dpo',
    config,
    inputs: { model: base.input, ...data.inputs },
    mayChange: dpoMayChange,
    modelConfig,
    phases: [phase],
    rehearsesSteps: false,
    space: forecastSpace('dpo', modelConfig, [phase], config),
    lines: data.lines,
    plan({ secondsPerStep, start }) {
      const seconds = secondsPerStep.map((each) => each * stepWork(config.loss));
      const perStep = `${formatInteger(source.steps.itemsPerStep)} ${what} a step, ${rows.layout}`;
      return {
        steps,
        time: forecastUnevenTime({ ...phase, steps: steps - start }, meanTokens, seconds),
        lines: [`  ${source.steps.epochAt(steps).toFixed(1)} epochs of ${perStep}`],
      };
    },
    prepare(pause, say, mesh) {
      const asked = { device, dtype, modelHash: base.hash, pause, say, mesh };
      return source.prepare((answers) => referenceLogprobs(config.model, answers, asked), steps);
    },
    makeModel: () => base.makeModel(modelConfig),
    gradients: (model, within) =>
      preferenceGradients(
        source.steps,
        (step, options, mesh) => source.workOf(model, step, options, mesh),
        config,
        within,
      ),
    evaluation: preferenceEvaluationState,
    evaluate: (model, _, pause, mesh) => evaluatePreferences(source.heldOut(model, { dtype }, mesh), pause, mesh),
    measured: (found, { step, at }) => measuredPreferences(found, what, at === 'before' ? 'as it came' : step),
    result: base.resultOf(data),
    [Symbol.dispose]() {},
  };
  return withAdapters(task, config, config.model);
}
