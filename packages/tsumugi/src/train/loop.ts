// The loop every kind of training shares: gradients, clipping, update, events, evaluation, samples, checkpoints. What
// differs between pre-training, fine-tuning and the rest is the task: how a step's gradients are made, what is measured.
import { relative } from 'node:path';
import { UserError } from '../base/index.ts';
import { describeDiagnosis, diagnose, loadTensors, type Module, namedParameters } from '../nn/index.ts';
import { clipScale, gradNorm, type Optimizer, type Schedule } from '../optim/index.ts';
import { type EventLog, Interrupt, Progress, type ProgressStream, type RunFolder } from '../run/index.ts';
import { type LoadedCheckpoint, pruneCheckpoints, type State, saveCheckpoint } from '../store/index.ts';
import { memory, resetPeakMemory, scope } from '../torch/index.ts';

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
  /** Measures on held-out data after `step` updates. */
  evaluate(step: number): Measured;
  /** Text that the model writes; left out when it never does. */
  sample?(): { prompt: string; text: string };
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
 * Runs the task from update `start` to its end, or until Ctrl-C asks to save and stop. Returns whether it was interrupted.
 *
 * @throws UserError `diverged`, naming step and tensor, when loss or gradients are no longer finite. Nothing is updated
 *   then, and the last checkpoint stays.
 */
export async function runLoop(task: LoopTask, output: LoopOutput, start = 0): Promise<{ interrupted: boolean }> {
  const { model, optimizer, every, steps } = task;
  const { log } = output;
  const trained = namedParameters(model).map(([, parameter]) => parameter);
  using progress = new Progress({ label: task.label, total: steps, start, stream: output.stream });
  using interrupt = new Interrupt((text) => progress.print(text));
  const due = (step: number, interval: number) => interval > 0 && step % interval === 0 && step < steps;
  let saved = start;
  const save = (step: number, score?: number) => {
    saveStep(task, output, step, score);
    saved = step;
  };

  for (let step = start; step < steps; step++) {
    const began = performance.now();
    resetPeakMemory();
    optimizer.zeroGrad();
    const loss = task.gradients(step);
    const norm = gradNorm(trained);
    if (!Number.isFinite(loss.loss) || !Number.isFinite(norm)) {
      const error = divergence(task, step, loss, norm, saved);
      log.write({ type: 'end', step, reason: 'failed', message: error.message });
      throw error;
    }
    const lr = task.learningRate * task.schedule(step);
    optimizer.step(lr, { gradScale: clipScale(norm, task.clipNorm) });

    const done = step + 1;
    const tokensPerSecond = (loss.tokens * 1000) / (performance.now() - began);
    const memoryBytes = memory().peakBytes;
    log.write({
      type: 'step',
      step: done,
      loss: loss.loss,
      lr,
      gradNorm: norm,
      tokens: loss.tokensSeen,
      tokensPerSecond,
      memoryBytes,
      metrics: loss.metrics,
    });
    progress.update({ step: done, loss: loss.loss, tokensPerSecond });
    let score: number | undefined;
    if (due(done, every.evaluate)) score = measure(task, output, progress, done);
    if (due(done, every.sample)) sample(task, output, progress, done);
    if (due(done, every.checkpoint)) save(done, score);
    if ((await interrupt.poll()) && done < steps) {
      if (saved !== done) save(done);
      log.write({ type: 'end', step: done, reason: 'interrupted' });
      return { interrupted: true };
    }
  }
  optimizer.zeroGrad();
  if (start < steps) save(steps, measure(task, output, progress, steps));
  log.write({ type: 'end', step: steps, reason: 'done' });
  return { interrupted: false };
}

function measure(task: LoopTask, { log }: LoopOutput, progress: Progress, step: number): number {
  const began = performance.now();
  const { score, metrics, name = 'held-out' } = task.evaluate(step);
  log.write({ type: 'evaluation', step, name, metrics, seconds: (performance.now() - began) / 1000 });
  const figures = Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  progress.print(`step ${step}: ${name} ${figures.join(', ')}`);
  return score;
}

function sample(task: LoopTask, { log }: LoopOutput, progress: Progress, step: number): void {
  const written = task.sample?.();
  if (!written) return;
  const { prompt, text } = written;
  log.write({ type: 'sample', step, prompt, text });
  progress.print(`step ${step}: ${prompt}｜${text.replaceAll('\n', '⏎')}`);
}

function saveStep(task: LoopTask, { run, log }: LoopOutput, step: number, score: number | undefined): void {
  const folder = run.checkpoints;
  const { tensors, steps } = task.optimizer.state();
  log.sync(); // a checkpoint must not know more than the log
  const { path } = saveCheckpoint(folder, step, {
    tensors: { model: namedParameters(task.model), optimizer: Object.entries(tensors) },
    state: { steps, task: task.state },
    score,
  });
  pruneCheckpoints(folder, { keepLast: task.keepLast, best: 'lowest' });
  log.write({ type: 'checkpoint', step, path: relative(run.path, path), ...(score !== undefined && { score }) });
}

function divergence(task: LoopTask, step: number, loss: StepLoss, norm: number, saved: number): UserError {
  const where = describeDiagnosis(diagnose(task.model));
  return new UserError(
    'diverged',
    `training diverged at step ${step + 1}: loss ${loss.loss}, gradient norm ${norm}; ${where}`,
    {
      remedy:
        saved > 0
          ? `The checkpoint of step ${saved} is intact: resume from it, or start anew with a lower learningRate.`
          : 'No checkpoint was written yet: start anew with a lower learningRate or a longer warmup.',
      fields: { step: step + 1, loss: loss.loss, gradNorm: norm, checkpoint: saved },
    },
  );
}
