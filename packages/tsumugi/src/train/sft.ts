// Supervised fine-tuning: a model learns to give the answers of examples. The examples of step k are a function of (seed, k), so a
// resumed run goes on bit for bit; however they lie in rows, a step's loss is the mean over all its tokens that are learned.
import { deriveSeed } from '../base/index.ts';
import { formatInteger } from '../run/index.ts';
import { endingWith } from './chat-data.ts';
import { checkSftSettings } from './check-sft.ts';
import { type ExampleEvaluation, evaluateExamples, measuredExamples } from './evaluate-examples.ts';
import { ExampleSteps } from './example-steps.ts';
import { modelFlops } from './flops.ts';
import { forecastSpace, forecastUnevenTime } from './forecast.ts';
import { partBeside } from './freeze-paths.ts';
import type { ModelTraining, TrainOptions, TrainResult } from './model-training.ts';
import { exampleEvaluationState } from './remembered-state.ts';
import { DEFAULT_EPOCHS, type SftConfig, sftMayChange } from './sft-config.ts';
import { openSftData } from './sft-data.ts';
import { sftLoss } from './sft-loss.ts';
import { computeType, stepGradients } from './step-gradients.ts';
import { trainModel } from './train-model.ts';
import { openTuningBase } from './tuning-base.ts';
import { withAdapters } from './with-adapters.ts';

/** `before` is the model as it came, `after` the trained one. */
export type SftResult = TrainResult<ExampleEvaluation>;

/**
 * Trains the model in `config.model` on the examples in `config.data`, and writes it to `<out>/model`.
 *
 * @throws ConfigError (a layer that is not there), DataError naming file and row (an example that is longer than a row, nothing to
 *   learn), UserError (not enough memory or disk) before anything is written; a UserError `diverged` when the loss is NaN
 */
export async function sft(config: SftConfig, options: TrainOptions = {}): Promise<SftResult> {
  using task = await fineTuning(config);
  return await trainModel(task, options);
}

/** Opens what a run of fine-tuning needs. @throws ConfigError, DataError */
export async function fineTuning(config: SftConfig): Promise<ModelTraining<ExampleEvaluation>> {
  checkSftSettings(config);
  const base = await openTuningBase(config);
  const data = await openSftData(config);
  const modelConfig = endingWith(base.config, data.template, data.tokenizer);
  const part = partBeside(modelConfig, config.freeze);
  const { sequenceLength, batchSize, gradientAccumulation, activationCheckpointing } = config;
  const layout = config.packing ? 'packed' : 'padded';
  const batches = new ExampleSteps(data.examples, {
    sequenceLength,
    batchSize,
    gradientAccumulation,
    layout,
    padding: data.tokenizer.padId,
    seed: deriveSeed(config.seed, 'batches'),
  });
  const steps = config.steps ?? batches.stepsOf(config.epochs ?? DEFAULT_EPOCHS);
  const { largest, meanTokens, predictedShare } = batches.sizes(steps);
  const predicted = largest.sequenceLength * predictedShare;
  const phase = { ...largest, predicted, steps, gradientAccumulation, activationCheckpointing };
  const task: ModelTraining<ExampleEvaluation> = {
    name: 'sft',
    config,
    inputs: { model: base.input, ...data.inputs },
    mayChange: sftMayChange,
    modelConfig,
    part,
    phases: [phase],
    rehearsesSteps: false,
    space: forecastSpace('sft', modelConfig, [phase], config, part),
    lines: data.lines,
    plan({ secondsPerStep, start }) {
      const epochs = batches.epochAt(steps).toFixed(1);
      return {
        steps,
        time: forecastUnevenTime({ ...phase, steps: steps - start }, meanTokens, secondsPerStep),
        lines: [`  ${epochs} epochs of ${formatInteger(batches.examplesPerStep)} examples a step, ${layout}`],
      };
    },
    makeModel: () => base.makeModel(modelConfig),
    goesInRounds: true,
    gradients(model, within) {
      const lossOf = sftLoss(batches, config, within.lossOf);
      const gradients = stepGradients(model, (step) => batches.at(step), config, { ...within, lossOf });
      return (step) => {
        const made = gradients(step);
        const { rows, columns, predicted } = batches.at(step).batch;
        const shape = {
          sequenceLength: columns,
          batchSize: rows,
          predicted: predicted / rows,
          activationCheckpointing,
        };
        return { ...made, flops: modelFlops(modelConfig, shape, part), metrics: { ...made.metrics, predicted } };
      };
    },
    measuresEvenly: true,
    evaluation: exampleEvaluationState,
    evaluate: (model, _, pause, mesh) =>
      evaluateExamples(model, data.heldOut, {
        sequenceLength,
        batchSize,
        layout,
        maxTokens: config.evaluateTokens,
        dtype: computeType(config.dtype),
        pause,
        mesh,
      }),
    measured: (found, { step, at }) => measuredExamples(found, at === 'before' ? 'as it came' : step),
    result: base.resultOf(data),
    [Symbol.dispose]() {},
  };
  return withAdapters(task, config, config.model);
}
