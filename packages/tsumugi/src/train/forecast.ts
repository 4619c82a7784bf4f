// What a training run will take, before there are data: time from its work and this machine's rate, memory and disk from
// the shapes.
import { availableDisk } from '../base/index.ts';
import type { Plamo2Config } from '../lm/index.ts';
import type { Forecast } from '../loop/index.ts';
import type { Device, DType } from '../torch/index.ts';
import { type StepShape, trainingFlops } from './flops.ts';
import { forecastMemory } from './memory-forecast.ts';
import { rehearseRate } from './rate.ts';

/** A part of a run whose steps are all alike. */
export interface TrainingPhase extends StepShape {
  steps: number;
}

export interface ForecastOptions {
  /** What is forecast, e.g. "pretrain". */
  label: string;
  /** The run folder, which tells what disk it is on. */
  out: string;
  /** Checkpoints kept besides the best. */
  keepLast: number;
  /** Where steps are rehearsed, and what they compute in. Default: the CPU, f32. */
  device?: Device;
  dtype?: DType | undefined;
  /** Seconds of one step of each phase, when they are known; found out by rehearsal otherwise (a second or two each). */
  secondsPerStep?: readonly number[] | undefined;
  /** Evaluations and the like. */
  otherSeconds?: number | undefined;
  remedy?: string | undefined;
}

const remedies =
  'Lower batchSize (raise accumulate to make up for it) or keepLast, set checkpointLayers, or take a smaller model.';

/** Seconds of one step of each phase on this machine. Phases of one row length and batch are rehearsed once. */
export function rehearseSteps(
  config: Plamo2Config,
  phases: readonly StepShape[],
  options: { device?: Device; dtype?: DType | undefined } = {},
): number[] {
  const rates = new Map<string, number>();
  return phases.map((phase) => {
    const key = `${phase.contextLength} × ${phase.batchSize}, ${phase.checkpointLayers}`;
    const rate = rates.get(key) ?? rehearseRate(config, phase, options);
    rates.set(key, rate);
    return trainingFlops(config, phase) / rate;
  });
}

/** Time, memory and disk of a run of one phase or several, one after the other. */
export function forecastTraining(
  config: Plamo2Config,
  phases: readonly TrainingPhase[],
  options: ForecastOptions,
): Forecast {
  const { label, out, keepLast, otherSeconds, remedy = remedies } = options;
  const memory = phases
    .map((phase) => forecastMemory(config, phase))
    .sort((a, b) => b.activationBytes - a.activationBytes);
  const { parameters, stateBytes, activationBytes, runtimeBytes } = memory[0]!;
  const each = options.secondsPerStep ?? rehearseSteps(config, phases, options);
  const total = (amount: (phase: TrainingPhase, index: number) => number) =>
    phases.reduce((sum, phase, index) => sum + phase.steps * amount(phase, index), 0);
  const steps = total(() => 1);
  return {
    label,
    steps,
    tokens: total(({ contextLength, batchSize, accumulate = 1 }) => contextLength * batchSize * accumulate),
    secondsPerStep: steps > 0 ? total((_, index) => each[index]!) / steps : 0,
    otherSeconds,
    memory: [
      { what: 'weights, gradients, optimizer', bytes: stateBytes },
      { what: 'activations', bytes: activationBytes },
      { what: 'Node, libtorch, memory kept for reuse', bytes: runtimeBytes },
    ],
    availableMemoryBytes: process.availableMemory(),
    // A checkpoint holds weights and two moments; the best and one being written come on top, then the model.
    diskBytes: parameters * 4 * (3 * (keepLast + 2) + 1),
    availableDiskBytes: availableDisk(out),
    out,
    remedy,
  };
}
