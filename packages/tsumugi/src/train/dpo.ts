// Preference training: a model learns which of two answers is better. The pairs of step k are a function of (seed, k), so a resumed run
// goes on bit for bit; what the reference says of all answers is asked once, before the first step.
import { deriveSeed } from '../base/index.ts';
import { loadModel, Plamo2, readModelConfig, requireDense } from '../lm/index.ts';
import { formatInteger, inputAt } from '../run/index.ts';
import { Artefact } from '../store/index.ts';
import { parseDevice } from '../torch/index.ts';
import { endingWith, fileLineage } from './chat-data.ts';
import { checkDpoSettings } from './check-dpo.ts';
import { copiedWeights } from './copied-weights.ts';
import { DEFAULT_DPO_EPOCHS, type DpoConfig, dpoMayChange, needsReference } from './dpo-config.ts';
import { forecastSpace, forecastUnevenTime } from './forecast.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import { evaluatePairs, measuredPairs, type PairEvaluation } from './preference/evaluate-pairs.ts';
import { pairOutcome } from './preference/pair-outcome.ts';
import { openPreferenceData } from './preference/preference-data.ts';
import { preferenceGradients } from './preference/preference-gradients.ts';
import { PreferenceSteps } from './preference/preference-steps.ts';
import { type ReferenceLogprobs, referenceLogprobs } from './preference/reference-logprobs.ts';
import { pairEvaluationState } from './remembered-state.ts';
import { computeType } from './step-gradients.ts';
import { trainModel } from './train-model.ts';
import { withAdapters } from './with-adapters.ts';

/** `before` is the model as it came, `after` the trained one. */
export type DpoResult = TrainResult<PairEvaluation>;
/** What is learned is the settings' to say. */
export type DpoOptions = Omit<TrainOptions, 'loss'>;

/**
 * Trains the model in `config.model` on the pairs in `config.data`, and writes it to `<out>/model`; with `lora` adapters over it, which it
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
export async function preferenceTraining(config: DpoConfig): Promise<ModelTraining<PairEvaluation>> {
  checkDpoSettings(config);
  const device = parseDevice(config.device);
  const folder = new Artefact(config.model);
  const ownConfig = readModelConfig(folder);
  if (config.lora === undefined) requireDense(config.model, 'trained');
  const files = await folder.hashed();
  const data = await openPreferenceData(config);
  const modelConfig = endingWith(ownConfig, data.template, data.tokenizer);
  const { sequenceLength, batchSize, gradientAccumulation, activationCheckpointing } = config;
  const dtype = computeType(config.dtype);
  const rows = {
    layout: config.packing ? 'packed' : 'padded',
    sequenceLength,
    padding: data.tokenizer.padId,
    batchSize,
  } as const;
  const seed = deriveSeed(config.seed, 'batches');
  const batches = new PreferenceSteps(data.examples, { ...rows, gradientAccumulation, seed });
  const steps = config.steps ?? batches.stepsOf(config.epochs ?? DEFAULT_DPO_EPOCHS);
  const { largest, meanTokens } = batches.sizes(steps);
  const phase = { ...largest, steps, gradientAccumulation, activationCheckpointing };
  let references: { learned: ReferenceLogprobs; heldOut: ReferenceLogprobs } | undefined;
  const task: ModelTraining<PairEvaluation> = {
    name: 'dpo',
    config,
    inputs: { model: inputAt(config.model, files.hash), ...data.inputs },
    mayChange: dpoMayChange,
    modelConfig,
    phases: [phase],
    rehearsesSteps: false,
    space: forecastSpace('dpo', modelConfig, [phase], config),
    lines: data.lines,
    plan({ secondsPerStep, start }) {
      return {
        steps,
        time: forecastUnevenTime({ ...phase, steps: steps - start }, meanTokens, secondsPerStep),
        lines: [
          `  ${batches.epochAt(steps).toFixed(1)} epochs of ${formatInteger(batches.pairsPerStep)} pairs a step, ${rows.layout}`,
        ],
      };
    },
    async prepare(pause, say) {
      if (!needsReference(config.loss)) return;
      const ask = (pairs: typeof data.examples) =>
        referenceLogprobs(config.model, pairs, { ...rows, device, dtype, modelHash: files.hash, pause, say });
      references = { learned: await ask(data.examples), heldOut: await ask(data.heldOut) };
    },
    makeModel() {
      using parent = loadModel(config.model, { dtype: 'float32', device });
      const model = new Plamo2(modelConfig, copiedWeights(parent));
      files.requireUnchanged();
      return model;
    },
    gradients: (model, within) =>
      preferenceGradients(
        batches,
        (pairs, options) => pairOutcome(model, pairs, references?.learned, config, options),
        config,
        within,
      ),
    evaluation: pairEvaluationState,
    evaluate: (model, _, pause) =>
      evaluatePairs(data.heldOut, (pairs, options) => pairOutcome(model, pairs, references?.heldOut, config, options), {
        ...rows,
        dtype,
        pause,
      }),
    measured: (found, { step, at }) => measuredPairs(found, at === 'before' ? 'as it came' : step),
    result: {
      tokenizerFolder: config.model,
      chatTemplate: data.template,
      lineage: { parents: [{ name: config.model, sha256: files.hash }], data: fileLineage(data.inputs) },
      requireUnchanged: () => files.requireUnchanged(), // the tokenizer is taken from there
    },
    [Symbol.dispose]() {},
  };
  return withAdapters(task, config, config.model);
}
