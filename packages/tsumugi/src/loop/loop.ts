// The training loop that every kind of training shares: take a step, log it, save it, measure it, until the last step or a
// signal. It knows steps, events, checkpoints, Ctrl-C and divergence; what is trained and what is measured is the task's.
//
// A step's checkpoint is saved before anything is measured, so that whatever stops the measuring loses nothing; a run that
// goes on from there measures what the log does not have yet.
import { relative } from 'node:path';
import { ConfigError, UserError } from '../base/index.ts';
import { fromFirst, type Mesh, solo } from '../mesh/index.ts';
import {
  type EventLog,
  Interrupt,
  Interrupted,
  type LayerMetrics,
  Progress,
  type ProgressStream,
  type ProgressUpdate,
  type RunFolder,
  type SampleEvent,
  type StepEvent,
} from '../run/index.ts';
import {
  type CheckpointContent,
  listCheckpoints,
  pruneCheckpoints,
  removeCheckpoint,
  saveCheckpoint,
  scoreCheckpoint,
} from '../store/index.ts';
import { recordFunction, scope } from '../torch/index.ts';
import { agreedPause } from './agreed-pause.ts';
import { checkMetrics } from './check-metrics.ts';
import { divergedInMeasuring } from './divergence.ts';
import { findTogether, writersOf } from './writers.ts';

/** Something that a step found out and a person should know. */
export interface StepWarning {
  /** Kebab case, as errors have. */
  code: string;
  message: string;
}

/** What a step tells of itself. */
export interface StepTaken {
  /** For the log; undefined when this step is not logged. */
  event: Omit<StepEvent, 'type' | 'step' | 'time'> | undefined;
  progress: Omit<ProgressUpdate, 'step'>;
  warnings?: readonly StepWarning[];
  /** What the parts of the model did, for the log. */
  layers?: Readonly<Record<string, LayerMetrics>> | undefined;
}

/** What was measured after a step. */
export interface Measured {
  /** On what, e.g. "held-out". */
  name: string;
  metrics: Record<string, number>;
  /** What the best checkpoint has least of; without it there is no best one. */
  score?: number;
  /** What the terminal shows of it; nothing when left out. */
  shown?: string;
}

/** What the model made after a step, as the log keeps it. */
export interface Sample extends Pick<SampleEvent, 'prompt' | 'text'> {
  /** What the terminal shows of it; nothing when left out. */
  shown?: string;
}

/** Lets a signal stop long work, by an exception. */
export type Pause = () => Promise<void>;

/** What may follow a step. */
export interface Due {
  checkpoint: boolean;
  evaluation: boolean;
  sample: boolean;
}

export interface LoopTask {
  /** For the progress line, e.g. "pretrain". */
  label: string;
  /** Total number of updates. */
  steps: number;
  /** Steps that an update counts as, of which the total is a multiple; 1 when left out. */
  stride?: number;
  /** What update `step` (from 0) needs and takes its time: asked for before it, also of a run that goes on from there. */
  beforeStep?: ((step: number, pause: Pause) => Promise<void>) | undefined;
  /**
   * Takes update `step` (from 0). `saved` is the step of the newest good checkpoint, 0 without one.
   *
   * @throws UserError `diverged` when loss or gradients are not finite
   */
  takeStep(step: number, saved: number): StepTaken;
  /** What follows once `step` updates are done. A checkpoint and an evaluation always follow the last one. */
  due(step: number): Due;
  /**
   * All that a run must know which goes on from here.
   *
   * @throws UserError `diverged` naming a tensor that is no longer finite: then nothing is saved
   */
  checkpoint(step: number, saved: number): CheckpointContent;
  /** Measures after `step` updates; after the last one also when a run goes on from there. */
  evaluate(step: number, pause: Pause, saved: number): Promise<Measured>;
  sample?(step: number, pause: Pause, saved: number): Promise<Sample>;
  /** Checkpoints kept besides the best. */
  keepLast: number;
  /** Steps after which a checkpoint is saved, and kept. */
  keepSteps?: readonly number[];
  /** Whether what was to be reached is, once `step` updates are done and measured: that ends the run before its last step. */
  isReached?(step: number): boolean;
  /** It is to be found out where it diverges: that ends the run, and is no failure. */
  mayDiverge?: boolean;
}

/** Where a loop writes. Of several ranks the first one writes; the others go through the same steps. */
export interface LoopOutput {
  run: RunFolder;
  log: Pick<EventLog, 'write' | 'writeFailure' | 'sync'>;
  stream: ProgressStream;
  mesh?: Mesh | undefined;
}

/** @throws ConfigError when a run that goes on from `start` is to end before that */
export function requireStepsLeft(steps: number, start: number): void {
  if (steps >= start) return;
  throw new ConfigError('too-few-steps', `${start} steps are done already, so the run cannot end after ${steps}`, {
    remedy: `Give ${start} steps or more; a checkpoint from before may still be there.`,
    fields: { steps, done: start },
  });
}

/** Whether something that is done every `interval` steps (0 = never) is due once `step` are done. */
export const isDue = (interval: number, step: number): boolean => interval > 0 && step % interval === 0;

/**
 * Runs the task from update `start` to its end, or until a signal asks to save and stop. Returns whether it was interrupted, and how
 * many updates are done.
 * The event `end` of a run that came to its end is the caller's: there may be a model to save first.
 *
 * @throws UserError `diverged`, naming step and tensor, when loss, gradients, weights or what was measured are no longer
 *   finite. The last checkpoint that was good stays.
 */
export async function runLoop(
  task: LoopTask,
  output: LoopOutput,
  start = 0,
): Promise<{ interrupted: boolean; done: number }> {
  const { label, steps, stride = 1 } = task;
  const { run, log, stream, mesh = solo } = output;
  const isFirst = mesh.rank === 0;
  // The first rank's log as the first one sees it: what is measured again, all measure.
  const events = start > 0 && isFirst ? run.events() : [];
  const logged = new Set(
    fromFirst(
      mesh,
      events.flatMap(({ type, step }) => (step === start ? [type] : [])),
    ),
  );
  using progress = new Progress({ label, total: steps, start, stream });
  using interrupt = new Interrupt((text) => progress.print(text));
  const print = (text: string | undefined) => text !== undefined && progress.print(text);
  const pause = agreedPause(mesh, interrupt);
  let [done, saved] = [start, start];

  const takeStep = () => {
    const {
      event,
      progress: shown,
      warnings = [],
      layers,
    } = recordFunction(`step ${done + stride}`, () => task.takeStep(done, saved));
    done += stride;
    if (event) log.write({ type: 'step', step: done, ...event });
    if (layers) log.write({ type: 'layers', step: done, layers });
    progress.update({ step: done, ...shown });
    for (const { code, message } of warnings) {
      log.write({ type: 'warning', step: done, code, message });
      print(`warning: ${message}`);
    }
  };
  const save = () => {
    scope(() => {
      const content = findTogether(mesh, () => task.checkpoint(done, saved));
      log.sync(); // a checkpoint must not know more than the log
      const { path } = saveCheckpoint(run.checkpoints, done, content, writersOf(mesh));
      if (!isFirst) return;
      prune(task, run);
      log.write({ type: 'checkpoint', step: done, path: relative(run.path, path) });
    });
    saved = done;
  };
  const evaluate = async (isNew: boolean) => {
    await pause();
    const began = performance.now();
    const { name, metrics, score, shown } = await task.evaluate(done, pause, saved);
    checkMetrics(`the measurement "${name}"`, metrics);
    if (score !== undefined) keepScore(task, run, { step: done, score, saved, isFirst });
    if (!isNew) return;
    log.write({ type: 'evaluation', step: done, name, metrics, seconds: (performance.now() - began) / 1000 });
    print(shown);
  };
  const sample = async () => {
    await pause();
    const made = await task.sample?.(done, pause, saved);
    if (!made) return;
    log.write({ type: 'sample', step: done, prompt: made.prompt, text: made.text });
    print(made.shown);
  };
  /** What is due and was not done by an earlier process. */
  const doWhatIsDue = async () => {
    const due = task.due(done);
    const isNew = (type: 'evaluation' | 'sample') => done > start || !logged.has(type);
    if (done === steps || (due.evaluation && isNew('evaluation'))) await evaluate(isNew('evaluation'));
    if (due.sample && isNew('sample')) await sample();
  };

  const isOver = () => done >= steps || task.isReached?.(done) === true;
  try {
    await doWhatIsDue();
    while (!isOver()) {
      await task.beforeStep?.(done, pause);
      takeStep();
      if (done === steps || task.due(done).checkpoint || task.keepSteps?.includes(done)) save();
      await doWhatIsDue();
      if (!isOver()) await pause();
    }
    if (saved !== done) save();
  } catch (error) {
    if (error instanceof Interrupted) {
      if (saved !== done) save();
      log.write({ type: 'end', step: done, reason: 'interrupted' });
      return { interrupted: true, done };
    }
    if (task.mayDiverge && error instanceof UserError && error.code === 'diverged') {
      log.write({ type: 'warning', step: done, code: error.code, message: error.message });
      print(error.message);
      return { interrupted: false, done };
    }
    log.writeFailure(done, error);
    throw error;
  }
  return { interrupted: false, done };
}

/** Writes the score beside the checkpoint it was measured on: with it there, the step is not measured again. */
function keepScore(
  task: LoopTask,
  run: RunFolder,
  { step, score, saved, isFirst }: { step: number; score: number; saved: number; isFirst: boolean },
): void {
  if (!Number.isFinite(score)) {
    if (isFirst && saved === step) removeCheckpoint(run.checkpoints, step);
    throw divergedInMeasuring(step, score, listCheckpoints(run.checkpoints).at(-1)?.step ?? 0);
  }
  if (!isFirst || saved !== step) return;
  scoreCheckpoint(run.checkpoints, step, score);
  prune(task, run);
}

const prune = ({ keepLast, keepSteps }: LoopTask, { checkpoints }: RunFolder) =>
  pruneCheckpoints(checkpoints, { keepLast, keepSteps, best: 'lowest' });
