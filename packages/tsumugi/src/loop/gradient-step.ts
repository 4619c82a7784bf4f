// A step of one model and one optimizer: gradients, clipping, update. A kind of training brings only how gradients are made.
import { synchronous } from '../base/index.ts';
import type { Mesh, ReduceTime, StepExchange } from '../mesh/index.ts';
import { type Module, trainable } from '../nn/index.ts';
import { clipScale, type Optimizer, type Schedule } from '../optim/index.ts';
import type { LayerMetrics } from '../run/index.ts';
import { memory, recordFunction, resetPeakMemory, scope, type Tensor } from '../torch/index.ts';
import { checkMetrics } from './check-metrics.ts';
import { divergedInStep } from './divergence.ts';
import type { StepTaken, StepWarning } from './loop.ts';
import { SharedGradients } from './shared-gradients.ts';
import { Stragglers } from './straggler.ts';
import { warnOfUnused } from './unused-weights.ts';

/** What one step's forward and backward passes gave. */
export interface StepLoss {
  /** What the progress line shows: for a language model the mean cross-entropy, without further terms. */
  loss: number;
  /** Tokens that went through, where there are tokens. */
  tokens?: number;
  /** Tokens that went through since the run began, this step's included. */
  tokensSeen?: number;
  /** Floating-point operations that the model needs for it. */
  flops?: number;
  /** Whatever else is worth logging. */
  metrics: Record<string, number>;
  /** What a person should know. */
  warnings?: readonly StepWarning[];
  /** Seconds that each rank took without waiting for others, by rank, where there are several. */
  rankSeconds?: readonly number[];
}

/** A step that is done, for whoever looks at it. The gradients are still there, before clipping. */
export interface StepDone extends StepLoss {
  /** Updates done, this one included. */
  step: number;
  model: Module;
  /** Learning rate of this step. */
  lr: number;
  /** Global norm of the gradients before clipping. */
  gradNorm: number;
}

/** Is called after each step; what it returns is logged among the step's metrics. Tensors made in it are freed. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that only looks returns nothing.
export type AfterStep = (done: StepDone) => Readonly<Record<string, number>> | void;

export interface GradientStep {
  model: Module;
  optimizer: Pick<Optimizer, 'step' | 'zeroGrad'>;
  /** Learning rate at its peak, and its factor at each step (from 0). */
  learningRate: number;
  schedule: Schedule;
  /** Largest global norm of the gradients. */
  clipNorm: number;
  /** Adds the gradients of step `step` (from 0) to the parameters' `.grad`: over several ranks those of this rank's rows, and what it gives is of all. */
  gradients(step: number): StepLoss;
  /** How ranks take the step together. */
  exchange?: StepExchange | undefined;
  mesh?: Mesh | undefined;
  afterStep?: AfterStep | undefined;
  /** Floating-point operations per second of a matrix product in this process. */
  peakFlops?: number | undefined;
  /** What is to be logged of the model's parts after step `step` (from 0), while the gradients are there. */
  layers?: ((step: number) => Readonly<Record<string, LayerMetrics>> | undefined) | undefined;
}

/**
 * What takes a step, for the loop. The gradients are left as they are for whoever looks at them; the next step begins by
 * forgetting them.
 *
 * @throws UserError `diverged`, from the step, when the loss or the norm of the gradients is not finite: then nothing is updated
 */
export function gradientStep({
  model,
  optimizer,
  learningRate,
  schedule,
  clipNorm,
  gradients,
  exchange,
  mesh,
  afterStep,
  peakFlops,
  layers,
}: GradientStep): (step: number, saved: number) => StepTaken {
  const trained = trainable(model);
  // Only the CPU's memory is counted: where the model is elsewhere, that would say nothing of it.
  const isOnCpu = trained.every(({ device }) => device === 'cpu');
  const stragglers = mesh && new Stragglers(mesh);
  const shared = new SharedGradients(exchange, mesh);
  const has = (parameter: Tensor) => shared.has(parameter);
  let isFirst = true;
  return (step, saved) => {
    const began = performance.now();
    resetPeakMemory();
    optimizer.zeroGrad();
    const made = recordFunction('gradients', () => {
      exchange?.begin();
      const result = gradients(step);
      exchange?.finish();
      return result;
    });
    checkMetrics('gradients', made.metrics);
    const { loss, tokens, tokensSeen, flops } = made;
    const norm = shared.norm(trained);
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      throw divergedInStep(shared.diagnose(model), step + 1, loss, norm, saved);
    const lr = learningRate * schedule(step);
    recordFunction('update', () => {
      optimizer.step(lr, { gradScale: clipScale(norm, clipNorm) });
      exchange?.updated();
    });
    const seconds = (performance.now() - began) / 1000;
    const tokensPerSecond = tokens === undefined ? undefined : tokens / seconds;
    const memoryBytes = isOnCpu ? memory().peakBytes : undefined;
    const mfu =
      flops === undefined || peakFlops === undefined ? undefined : flops / seconds / (peakFlops * (mesh?.world ?? 1));
    const warnings = [...(made.warnings ?? []), ...(isFirst ? warnOfUnused(model, '', has) : [])];
    isFirst = false;
    const done = { ...made, step: step + 1, model, lr, gradNorm: norm };
    if (afterStep) exchange?.weights?.gather();
    const found = afterStep && scope(() => looked(afterStep, done));
    exchange?.weights?.release();
    const metrics = { ...made.metrics, ...(exchange && reduceMetrics(exchange.time)), ...found };
    return {
      event: {
        loss,
        lr,
        gradNorm: norm,
        ...(tokensSeen !== undefined && { tokens: tokensSeen }),
        ...(tokensPerSecond !== undefined && { tokensPerSecond }),
        ...(mfu !== undefined && { mfu }),
        ...(memoryBytes !== undefined && { memoryBytes }),
        metrics,
      },
      progress: { loss, tokensPerSecond, note: noteOf(mfu, made.rankSeconds && stragglers?.note(made.rankSeconds)) },
      warnings,
      layers: layers?.(step),
    };
  };
}

/** How long gradients were under way, and for how much of that nothing was computed meanwhile. */
const reduceMetrics = ({ seconds, waitedSeconds }: ReduceTime) => ({
  reduceSeconds: seconds,
  reduceWaitSeconds: waitedSeconds,
});

const noteOf = (mfu: number | undefined, straggler: string | undefined): string | undefined =>
  [mfu === undefined ? undefined : `MFU ${(100 * mfu).toFixed(0)} %`, straggler].filter(Boolean).join('  ') ||
  undefined;

/** What a look at a step found; a tensor in it is refused while it is still the scope's to free. */
function looked(afterStep: AfterStep, done: StepDone): ReturnType<AfterStep> {
  const found = synchronous('afterStep', afterStep, done);
  checkMetrics('afterStep', found);
  return found;
}
