// The loop every kind of training shares: gradients, clipping, update, events, checkpoints, evaluation, samples. What
// differs between pre-training, fine-tuning and the rest is the task: how a step's gradients are made, what is measured.
//
// A step's checkpoint is saved before anything is measured, so that whatever stops the measuring loses nothing; a run that
// goes on from there measures what the log does not have yet.
import { relative } from 'node:path';
import { UserError } from '../base/index.ts';
import { loadTensors, type Module, namedParameters } from '../nn/index.ts';
import { clipScale, findNotFinite, gradNorm, type Optimizer, type Schedule } from '../optim/index.ts';
import { type EventLog, Interrupt, Interrupted, Progress, type ProgressStream, type RunFolder } from '../run/index.ts';
import {
  type LoadedCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  removeCheckpoint,
  type State,
  saveCheckpoint,
  scoreCheckpoint,
} from '../store/index.ts';
import { memory, resetPeakMemory, scope } from '../torch/index.ts';
import { divergedInMeasuring, divergedInStep, divergedInUpdate } from './divergence.ts';

/** What one step's forward and backward passes gave, averaged over its targets. */
export interface StepLoss {
  /** What the progress line shows: for a language model the cross-entropy, without further terms. */
  loss: number;
  /** Tokens that went through. */
  tokens: number;
  /** Tokens that went through since the run began, this step's included. */
  tokensSeen: number;
  /** Whatever else is worth logging. */
  metrics: Record<string, number>;
}

/** Figures on held-out data; `score` is what the best checkpoint has least of. */
export interface Measured {
  score: number;
  metrics: Record<string, number>;
  /** What was measured on, when "held-out" does not say all. */
  name?: string;
}

/** Lets a signal stop long work, by an exception. */
export type Pause = () => Promise<void>;

export interface LoopTask {
  /** For the progress line, e.g. "pretrain". */
  label: string;
  model: Module;
  optimizer: Pick<Optimizer, 'step' | 'zeroGrad' | 'state' | 'loadState'>;
  /** Total number of updates. */
  steps: number;
  /** Learning rate at its peak, and its factor at each step. */
  learningRate: number;
  schedule: Schedule;
  clipNorm: number;
  /** Adds the gradients of step `step` (0-based) to the parameters' `.grad`. */
  gradients(step: number): StepLoss;
  /** Measures on held-out data after `step` updates; always after the last one, also when a run goes on from there. */
  evaluate(step: number, pause: Pause): Promise<Measured>;
  /** Text that the model writes; left out when it never does. */
  sample?(pause: Pause): Promise<{ prompt: string; text: string }>;
  /** Steps between these; 0 = only at the end (samples: never). */
  every: { evaluate: number; sample: number; checkpoint: number };
  keepLast: number;
  /** What a resumed run must know besides weights, optimizer and step. */
  state: State;
}

/** Where a loop writes. */
export interface LoopOutput {
  run: RunFolder;
  log: EventLog;
  stream: ProgressStream;
}

/** Restores weights and optimizer of a checkpoint; returns its step. */
export function restore(task: Pick<LoopTask, 'model' | 'optimizer'>, checkpoint: LoadedCheckpoint): number {
  scope(() => {
    const weights = checkpoint.tensors('model');
    loadTensors(task.model, (path) => (weights.has(path) ? weights.tensor(path) : undefined), weights.names);
    const saved = checkpoint.tensors('optimizer');
    const { steps } = checkpoint.state as { steps: Record<string, number> };
    const tensors = Object.fromEntries(saved.names.map((name) => [name, saved.tensor(name)]));
    task.optimizer.loadState({ tensors, steps });
  });
  return checkpoint.step;
}

/**
 * Runs the task from update `start` to its end, or until a signal asks to save and stop. Returns whether it was interrupted.
 *
 * @throws UserError `diverged`, naming step and tensor, when loss, gradients, weights or what was measured are no longer
 *   finite. The last checkpoint that was good stays.
 */
export async function runLoop(task: LoopTask, output: LoopOutput, start = 0): Promise<{ interrupted: boolean }> {
  const { model, optimizer, every, steps } = task;
  const { run, log } = output;
  const trained = namedParameters(model).map(([, parameter]) => parameter);
  const logged = new Set(start > 0 ? run.events().flatMap(({ type, step }) => (step === start ? [type] : [])) : []);
  using progress = new Progress({ label: task.label, total: steps, start, stream: output.stream });
  using interrupt = new Interrupt((text) => progress.print(text));
  let [done, saved] = [start, start];
  const due = (interval: number) => interval > 0 && done % interval === 0 && done < steps;

  const takeStep = () => {
    const began = performance.now();
    resetPeakMemory();
    optimizer.zeroGrad();
    const { loss, tokens, tokensSeen, metrics } = task.gradients(done);
    const norm = gradNorm(trained);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw divergedInStep(model, done + 1, loss, norm, saved);
    const lr = task.learningRate * task.schedule(done);
    optimizer.step(lr, { gradScale: clipScale(norm, task.clipNorm) });
    done++;
    const tokensPerSecond = (tokens * 1000) / (performance.now() - began);
    const figures = { loss, lr, gradNorm: norm, tokens: tokensSeen, tokensPerSecond };
    log.write({ type: 'step', step: done, ...figures, memoryBytes: memory().peakBytes, metrics });
    progress.update({ step: done, loss, tokensPerSecond });
  };
  const save = () => {
    saveStep(task, output, done, saved);
    saved = done;
  };
  /** Evaluation and sample, where they are due and not done yet. */
  const evaluateAndSample = async () => {
    const isNew = (type: 'evaluation' | 'sample') => done > start || !logged.has(type);
    const wanted = { evaluation: done === steps || due(every.evaluate), sample: due(every.sample) };
    if (wanted.evaluation && (done === steps || isNew('evaluation')))
      await measure(
        task,
        output,
        { progress, pause: interrupt.pause },
        { step: done, saved, isNew: isNew('evaluation') },
      );
    if (wanted.sample && isNew('sample')) await sample(task, output, { progress, pause: interrupt.pause }, done);
  };

  try {
    if (start > 0) await evaluateAndSample();
    while (done < steps) {
      takeStep();
      if (done === steps || due(every.checkpoint)) save();
      await evaluateAndSample();
      if (done < steps) await interrupt.pause();
    }
  } catch (error) {
    if (error instanceof Interrupted) {
      if (saved !== done) save();
      log.write({ type: 'end', step: done, reason: 'interrupted' });
      return { interrupted: true };
    }
    if (error instanceof UserError) log.writeFailure(done, error);
    throw error;
  }
  optimizer.zeroGrad();
  log.write({ type: 'end', step: steps, reason: 'done' });
  return { interrupted: false };
}

interface Surroundings {
  progress: Progress;
  pause: Pause;
}

async function measure(
  task: LoopTask,
  { run, log }: LoopOutput,
  { progress, pause }: Surroundings,
  { step, saved, isNew }: { step: number; saved: number; isNew: boolean },
): Promise<void> {
  const began = performance.now();
  const { score, metrics, name = 'held-out' } = await task.evaluate(step, pause);
  if (!Number.isFinite(score)) {
    if (saved === step) removeCheckpoint(run.checkpoints, step);
    throw divergedInMeasuring(step, score, listCheckpoints(run.checkpoints).at(-1)?.step ?? 0);
  }
  // The score first: with it in the log, it is not measured again.
  if (saved === step) {
    scoreCheckpoint(run.checkpoints, step, score);
    prune(task, run);
  }
  if (!isNew) return;
  log.write({ type: 'evaluation', step, name, metrics, seconds: (performance.now() - began) / 1000 });
  const figures = Object.entries(metrics).map(([metric, value]) => `${metric} ${value.toFixed(3)}`);
  progress.print(`step ${step}: ${name} ${figures.join(', ')}`);
}

async function sample(
  task: LoopTask,
  { log }: LoopOutput,
  { progress, pause }: Surroundings,
  step: number,
): Promise<void> {
  const written = await task.sample?.(pause);
  if (!written) return;
  const { prompt, text } = written;
  log.write({ type: 'sample', step, prompt, text });
  progress.print(`step ${step}: ${prompt}｜${text.replaceAll('\n', '⏎')}`);
}

/** @throws UserError `diverged` when what would be saved is not finite: then nothing is */
function saveStep(task: LoopTask, { run, log }: LoopOutput, step: number, saved: number): void {
  const { tensors, steps } = task.optimizer.state();
  const groups = { model: namedParameters(task.model), optimizer: Object.entries(tensors) };
  const broken = findNotFinite([...groups.model, ...groups.optimizer]);
  if (broken) throw divergedInUpdate(step, broken, saved);
  log.sync(); // a checkpoint must not know more than the log
  const { path } = saveCheckpoint(run.checkpoints, step, { tensors: groups, state: { steps, task: task.state } });
  prune(task, run);
  log.write({ type: 'checkpoint', step, path: relative(run.path, path) });
}

const prune = ({ keepLast }: LoopTask, { checkpoints }: RunFolder) =>
  pruneCheckpoints(checkpoints, { keepLast, best: 'lowest' });
