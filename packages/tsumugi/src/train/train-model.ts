// What every kind of training of a language model shares, top to bottom: open the run, build the model, forecast, measure,
// train, measure again, save. What it learns from and how it is measured is the kind's own.
import { join } from 'node:path';
import { steady } from '../base/index.ts';
import { type Plamo2, type Plamo2Config, saveModel } from '../lm/index.ts';
import {
  formatForecast,
  gradientStep,
  isDue,
  type Measured,
  type Pause,
  rehearse,
  remembered,
  requireFits,
  requireStepsLeft,
  restore,
  runLoop,
  type Sample,
  type SpaceForecast,
  type StepLoss,
  type StepWarning,
  scheduleOf,
  type TimeForecast,
  trainingState,
} from '../loop/index.ts';
import { numParameters } from '../nn/index.ts';
import {
  asJson,
  codeCommit,
  Interrupt,
  openRun,
  type ProgressStream,
  type RunFolder,
  type RunInputs,
  unlessInterrupted,
} from '../run/index.ts';
import { loadLatestCheckpoint, type Provenance } from '../store/index.ts';
import type { TrainingConfig } from './common-config.ts';
import { formatParameterTable } from './describe-model.ts';
import { modelFlops } from './flops.ts';
import { rehearseSteps, type TrainingPhase } from './forecast.ts';
import { LayerWatch } from './layer-watch.ts';
import { matmulPeak } from './matmul-peak.ts';
import { checkParts, makeOptimizer, recordedSettings, type TrainingParts } from './parts.ts';
import { type EvaluationState, rememberedState } from './remembered-state.ts';
import { computeType, type WithinStep } from './step-gradients.ts';

/** When a model is measured. */
export interface Moment {
  /** Steps done. */
  step: number;
  at: 'before' | 'between' | 'end';
}

/** What a run takes on, once it is known how long a step takes. */
export interface RunPlan {
  /** Updates in all. */
  steps: number;
  /** Of what is left. */
  time: TimeForecast;
  /** Lines for the terminal. */
  lines: readonly string[];
  /** Shown at the start and at the end, and logged. */
  warning?: StepWarning | undefined;
}

/** A kind of training, with its data opened: `E` is what a measurement finds. */
export interface ModelTraining<E extends object> extends Disposable {
  /** Of the run, its events and its progress line, e.g. "pretrain". */
  name: string;
  config: TrainingConfig;
  inputs: RunInputs;
  /** Settings that a run which goes on may change. */
  mayChange: readonly string[];
  modelConfig: Plamo2Config;
  /** The steps that the settings ask for; those of a phase are alike. */
  phases: readonly TrainingPhase[];
  /** Whether a step is short enough to be rehearsed whole; otherwise its rate is, on a smaller model. */
  rehearsesSteps: boolean;
  space: SpaceForecast;
  /** Lines for the terminal, about model and data. */
  lines: readonly string[];
  warnings?: readonly StepWarning[];
  /** @param run keeps what was settled before; undefined when nothing is to be trained */
  plan(made: { secondsPerStep: readonly number[]; start: number; run?: RunFolder | undefined }): RunPlan;
  /** The model to train; those of a checkpoint take the place of its weights when a run goes on. */
  makeModel(goesOn: boolean): Plamo2;
  /** Adds the gradients of a step (from 0) to the model's parameters. */
  gradients(model: Plamo2, within: WithinStep): (step: number) => StepLoss;
  /** What checkpoints remember of a measurement. */
  evaluation: EvaluationState<E>;
  evaluate(model: Plamo2, moment: Moment, pause: Pause): Promise<E>;
  measured(found: E, moment: Moment): Measured;
  sampleEvery?: number;
  sample?(model: Plamo2, step: number, pause: Pause): Promise<Sample>;
  result: {
    tokenizerFolder: string;
    lineage: Pick<Provenance, 'parents' | 'data'>;
    /** @throws DataError when the files it was made from have changed meanwhile */
    requireUnchanged(): void;
  };
}

export interface TrainOptions extends TrainingParts {
  /** Go on from the latest complete checkpoint of `out`, or start anew when there is none yet. */
  resume?: boolean;
  /** Shows forecast and progress. */
  stream?: ProgressStream;
  /** Named in the lineage. */
  recipe?: string;
}

export interface TrainResult<E> {
  interrupted: boolean;
  /** The model folder, once training is complete; a range test makes none. */
  folder: string | undefined;
  /** Undefined when it was interrupted, or a range test diverged, before that was known. */
  before: E | undefined;
  after: E | undefined;
}

/**
 * Trains a model and writes it to `<out>/model`.
 *
 * @throws ConfigError, DataError before anything is written; a UserError `diverged` with a diagnosis when the loss is NaN
 */
export async function trainModel<E extends object>(
  task: ModelTraining<E>,
  options: TrainOptions = {},
): Promise<TrainResult<E>> {
  const { name, config, modelConfig, phases, result } = task;
  const stream = steady<ProgressStream>(options.stream ?? process.stderr);
  const print = (text: string) => void stream.write(`${text}\n`);
  checkParts(options);
  requireFits(task.space);
  const settings = recordedSettings(config, options);
  using run = openRun(
    name,
    settings,
    { resume: options.resume, mayChange: task.mayChange, recipe: options.recipe, say: print },
    task.inputs,
  );
  using checkpoint = loadLatestCheckpoint(run.checkpoints);
  using model = task.makeModel(checkpoint !== undefined);
  using optimizer = makeOptimizer(model, config, options.optimizer);
  const start = checkpoint ? restore({ model, optimizer }, checkpoint) : 0;
  const known = checkpoint && remembered(checkpoint, rememberedState(task.evaluation));
  const watch = new LayerWatch(model, config.layersEvery);
  const gradients = task.gradients(model, { lossOf: options.loss?.of, onPart: (step) => watch.onPart(step) });

  // Forecast.
  const device = model.parameterDevice;
  const secondsPerStep = task.rehearsesSteps
    ? [rehearse(gradients, optimizer)]
    : rehearseSteps(modelConfig, phases, { device, dtype: computeType(config.dtype) });
  requireStepsLeft(totalSteps(phases), start);
  const { steps, time, lines, warning } = task.plan({ secondsPerStep, start, run });
  using log = run.openEvents(checkpoint ? start : undefined);
  for (const { code, message } of [...(task.warnings ?? []), ...(warning ? [warning] : [])]) {
    log.write({ type: 'warning', step: start, code, message });
    print(`warning: ${message}`);
  }
  for (const line of [formatParameterTable(modelConfig), ...task.lines]) print(line);
  if (start < steps) print(formatForecast({ ...task.space, ...time }));
  for (const line of lines) print(line);
  const parameters = numParameters(model);
  const peakFlops = matmulPeak(device, computeType(config.dtype));
  log.write({ type: 'start', step: start, name, totalSteps: steps, resumed: start > 0, parameters, peakFlops });

  // The model as it is, before it learns anything.
  const first: Moment = { step: 0, at: 'before' };
  using interrupt = new Interrupt(print);
  const before = known?.before ?? (await unlessInterrupted(() => task.evaluate(model, first, interrupt.pause)));
  if (!before) {
    log.write({ type: 'end', step: 0, reason: 'interrupted' });
    return { interrupted: true, folder: undefined, before, after: undefined };
  }
  const { name: measuredOn, metrics, shown } = task.measured(before, first);
  if (start === 0) log.write({ type: 'evaluation', step: 0, name: measuredOn, metrics });
  print(`  ${shown}`);

  // Training.
  const update = {
    model,
    optimizer,
    gradients: (step: number) => ({ ...gradients(step), flops: modelFlops(modelConfig, phaseAt(phases, step)) }),
    peakFlops,
    layers: (step: number) => watch.found(step),
    learningRate: config.learningRate,
    schedule: scheduleOf(config, steps),
    clipNorm: config.clipNorm,
    afterStep: options.afterStep,
  };
  const isRangeTest = config.schedule === 'range-test';
  let after: E | undefined;
  const { interrupted, done } = await runLoop(
    {
      label: name,
      steps,
      takeStep: gradientStep(update),
      due: (step) => ({
        checkpoint: isDue(config.checkpointEvery, step),
        evaluation: step > 0 && isDue(config.evaluateEvery, step),
        sample: step > 0 && step < steps && isDue(task.sampleEvery ?? 0, step),
      }),
      checkpoint: (step, saved) => trainingState(update, { before: { ...before } as never }, step, saved),
      async evaluate(step, pause) {
        const moment: Moment = { step, at: step === steps ? 'end' : 'between' };
        const found = await task.evaluate(model, moment, pause);
        if (moment.at === 'end') after = found;
        return task.measured(found, moment);
      },
      ...(task.sample && { sample: (step, pause) => task.sample!(model, step, pause) }),
      keepLast: config.keepLast,
      keepSteps: config.keepSteps,
      mayDiverge: isRangeTest,
    },
    { run, log, stream },
    start,
  );
  if (interrupted) return { interrupted, folder: undefined, before, after: undefined };
  if (isRangeTest) {
    log.write({ type: 'end', step: done, reason: 'done' });
    return { interrupted, folder: undefined, before, after };
  }
  optimizer.zeroGrad();

  // The result.
  const folder = join(config.out, 'model');
  result.requireUnchanged();
  saveModel(folder, model, {
    tokenizerFolder: result.tokenizerFolder,
    lineage: {
      stage: name,
      recipe: options.recipe ?? run.recipe,
      config: asJson(settings),
      seed: config.seed,
      commit: codeCommit(),
      ...result.lineage,
    },
  });
  log.write({ type: 'end', step: steps, reason: 'done' });
  if (warning) print(`warning: ${warning.message}`);
  return { interrupted, folder, before, after };
}

/** The phase of a step (from 0): the last that has begun. */
function phaseAt(phases: readonly TrainingPhase[], step: number): TrainingPhase {
  let left = step;
  for (const phase of phases.slice(0, -1)) {
    if (left < phase.steps) return phase;
    left -= phase.steps;
  }
  return phases.at(-1)!;
}

const totalSteps = (phases: readonly TrainingPhase[]): number => phases.reduce((sum, { steps }) => sum + steps, 0);
