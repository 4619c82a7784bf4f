// What a training run will take, before there is a model: memory and disk from the shapes, time from the work of its steps and
// the rate of this machine.
import { availableDisk } from '../base/index.ts';
import type { Plamo2Config } from '../lm/index.ts';
import type { Amount, SpaceForecast, TimeForecast } from '../loop/index.ts';
import { type StepShape, trainingFlops } from './flops.ts';
import { rateOf } from './known-rates.ts';
import { forecastMemory } from './memory-forecast.ts';
import type { RateOptions } from './rate.ts';
import type { TrainedPart } from './trained-part.ts';

/** A part of a run whose steps are all alike. */
export interface TrainingPhase extends StepShape {
  steps: number;
}

/** Peak memory and disk of a run of one phase or several, by what takes them. */
export function trainingSpace(
  config: Plamo2Config,
  phases: readonly StepShape[],
  /** Checkpoints kept besides the best, and those of chosen steps. */
  { keepLast, keepSteps = [] }: { keepLast: number; keepSteps?: readonly number[] | undefined },
  part: TrainedPart = {},
): { memory: Amount[]; disk: Amount[] } {
  const largest = phases
    .map((phase) => forecastMemory(config, phase, part))
    .reduce((a, b) => (b.activationBytes > a.activationBytes ? b : a));
  const { parameters, trained, stateBytes, activationBytes, runtimeBytes } = largest;
  const kept = keepLast + keepSteps.length + 2;
  return {
    memory: [
      { what: 'weights, gradients, optimizer', bytes: stateBytes },
      { what: 'activations', bytes: activationBytes },
      { what: 'Node, libtorch, memory kept for reuse', bytes: runtimeBytes },
    ],
    disk: [
      // Each holds what is trained and two moments of it.
      { what: `checkpoints: ${kept}, with the best and one being written`, bytes: trained * 4 * 3 * kept },
      { what: 'model', bytes: parameters * 4 },
    ],
  };
}

/** Whether a run fits, for `requireFits`. */
export const forecastSpace = (
  label: string,
  config: Plamo2Config,
  phases: readonly StepShape[],
  { out, ...kept }: { out: string; keepLast: number; keepSteps?: readonly number[] | undefined },
  part: TrainedPart = {},
): SpaceForecast => ({
  label,
  ...trainingSpace(config, phases, kept, part),
  availableMemoryBytes: process.availableMemory(),
  availableDiskBytes: availableDisk(out),
  out,
  remedy:
    'Lower batchSize (raise gradientAccumulation to make up for it) or keepLast, set activationCheckpointing, or take a smaller model.',
});

/** Seconds of one step of each phase on this machine. Phases of one row length and batch are rehearsed once. */
export const rehearseSteps = (
  config: Plamo2Config,
  phases: readonly StepShape[],
  options: RateOptions = {},
  part: TrainedPart = {},
): number[] => phases.map((phase) => trainingFlops(config, phase, part) / rateOf(config, phase, options, part));

/** Steps, tokens and time of phases one after the other, from the seconds of one step of each. */
export function forecastTime(phases: readonly TrainingPhase[], secondsPerStep: readonly number[]): TimeForecast {
  const total = (amount: (phase: TrainingPhase, index: number) => number) =>
    phases.reduce((sum, phase, index) => sum + phase.steps * amount(phase, index), 0);
  const steps = total(() => 1);
  return {
    steps,
    tokens: total(
      ({ sequenceLength, batchSize, gradientAccumulation = 1 }) => sequenceLength * batchSize * gradientAccumulation,
    ),
    secondsPerStep: steps > 0 ? total((_, index) => secondsPerStep[index]!) / steps : 0,
  };
}

/**
 * `forecastTime` of steps whose rows differ.
 *
 * @param phase with the largest micro-batch, and the steps that are left
 * @param meanTokens of a step
 */
export function forecastUnevenTime(
  phase: TrainingPhase,
  meanTokens: number,
  secondsPerStep: readonly number[],
): TimeForecast {
  const { sequenceLength, batchSize, gradientAccumulation = 1, steps } = phase;
  const share = meanTokens / (sequenceLength * batchSize * gradientAccumulation);
  const seconds = secondsPerStep.map((each) => each * share);
  return { ...forecastTime([phase], seconds), tokens: Math.round(meanTokens * steps) };
}
