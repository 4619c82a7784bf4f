// What a kind of training gives to trainModel, and what comes out of it.
import type { OptionNames } from '../base/index.ts';
import type { Plamo2, Plamo2Config, SaveModelOptions } from '../lm/index.ts';
import type { Measured, Pause, Sample, SpaceForecast, StepLoss, StepWarning, TimeForecast } from '../loop/index.ts';
import type { Mesh } from '../mesh/index.ts';
import type { ProgressStream, RunFolder, RunInputs } from '../run/index.ts';
import type { Provenance } from '../store/index.ts';
import type { ChatTemplate } from '../text/index.ts';
import type { TrainingConfig } from './common-config.ts';
import type { TrainingPhase } from './forecast.ts';
import type { TrainingParts } from './parts.ts';
import type { EvaluationState, KeptState } from './remembered-state.ts';
import type { WithinStep } from './step-gradients.ts';
import type { TrainedPart } from './trained-part.ts';

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
  /** What is trained, where not all of the model is: its `isFrozen` freezes the model that `makeModel` made. */
  part?: TrainedPart | undefined;
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
  /**
   * What takes time and must be known before the first measurement: asked for after the forecast.
   *
   * @param mesh its ranks share the work; each comes to `pause` equally often
   */
  prepare?(pause: Pause, say: (line: string) => void, mesh: Mesh): Promise<void>;
  /** The model to train; those of a checkpoint take the place of its weights when a run goes on. */
  makeModel(goesOn: boolean): Plamo2;
  /** Adds what is trained beside a model to one with adapters, which `makeModel` is not asked for. */
  addBeside?(model: Plamo2): unknown;
  /** What a step (from 0) needs of the model as it is used, and takes its time: asked for before the step. */
  beforeStep?(model: Plamo2, step: number, pause: Pause): Promise<void>;
  /** Why it cannot be trained over several ranks; it can where this is left out. */
  alone?: { readonly fault: string; readonly remedy: string } | undefined;
  /** Whether all ranks go backward equally often where `within.afterBackward` asks for it: what cuts gradients needs that. */
  goesInRounds?: boolean;
  /** Adds the gradients of a step (from 0) to the model's parameters. */
  gradients(model: Plamo2, within: WithinStep): (step: number) => StepLoss;
  /** Ranks that share each row; 1 when left out. */
  ranksPerRow?: number;
  /** What checkpoints remember besides, of a training whose steps do not follow from the weights and the settings alone. */
  kept?: KeptState | undefined;
  /** What checkpoints remember of a measurement. */
  evaluation: EvaluationState<E>;
  /** @param mesh all of its ranks measure; each gives what all have found */
  evaluate(model: Plamo2, moment: Moment, pause: Pause, mesh: Mesh): Promise<E>;
  /** Whether all ranks go forward equally often when they measure or sample; weights that are cut are gathered whole otherwise. */
  measuresEvenly?: boolean;
  measured(found: E, moment: Moment): Measured;
  /** Takes off the model what was trained beside it and is not to be saved. */
  strip?(model: Plamo2): void;
  sampleEvery?: number;
  sample?(model: Plamo2, step: number, pause: Pause): Promise<Sample>;
  /** What is saved, in place of a model in `<out>/model`. */
  saved?: {
    /** Of the folder in `out`. */
    readonly name: string;
    save(folder: string, model: Plamo2, options: SaveModelOptions): unknown;
  };
  result: {
    tokenizerFolder: string;
    /** What it learned to answer in; default: the one in `tokenizerFolder`, if there is one. */
    chatTemplate?: ChatTemplate | undefined;
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
  /** The processes that train together: each calls this with the same settings, and takes its share of every step's rows. Default: this one alone. */
  mesh?: Mesh;
}

export const trainOptions: OptionNames<TrainOptions> = {
  optimizer: true,
  loss: true,
  afterStep: true,
  resume: true,
  stream: true,
  recipe: true,
  mesh: true,
};

export interface TrainResult<E> {
  interrupted: boolean;
  /** The folder of the model, or of the adapter, once training is complete; a range test makes none. */
  folder: string | undefined;
  /** Undefined when it was interrupted, or a range test diverged, before that was known. */
  before: E | undefined;
  after: E | undefined;
}
