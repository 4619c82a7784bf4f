// What a training stage will take: its steps at the rate that is rehearsed on this machine, and its evaluations.
import { type Plamo2Config, preset } from '../lm/index.ts';
import { forecastMemory as sumMemory } from '../loop/index.ts';
import type { StepForecast } from '../recipe/index.ts';
import { parseDevice } from '../torch/index.ts';
import {
  forecastMemory,
  forecastTraining,
  rehearseRate,
  type StepShape,
  type TrainingPhase,
  trainingFlops,
} from '../train/index.ts';

interface Settings {
  heldOutTokens: number;
  evaluateEvery: number;
  evaluateTokens: number;
  keepLast: number;
  device: string;
  /** The steps end after these seconds. */
  limit?: number | undefined;
}

/** Forward alone is a third of a training step. */
const forwardShare = 1 / 3;
/** Seconds of a rehearsal. */
const moment = 0.6;

/** Floating-point operations per second by model and shape, as they were rehearsed. */
const rates = new Map<string, Map<string, number>>();

function rateOf(model: Plamo2Config, shape: StepShape, device: string): number {
  const { contextLength, batchSize, checkpointLayers } = shape;
  const known = ratesOf(model, device);
  const key = [contextLength, batchSize, checkpointLayers].join();
  const rate = known.get(key) ?? rehearseRate(model, shape, { seconds: moment, device: parseDevice(device) });
  known.set(key, rate);
  return rate;
}

function ratesOf(model: Plamo2Config, device: string): Map<string, number> {
  const key = JSON.stringify([model, device]);
  const known = rates.get(key) ?? new Map<string, number>();
  rates.set(key, known);
  return known;
}

/**
 * Seconds to measure one held-out token in rows of this length: at a rate that the model is known to reach, or at that of a
 * small model when the one in question is too large to be tried.
 */
export function secondsPerHeldOutToken(model: Plamo2Config, contextLength: number, device = 'cpu'): number {
  const shape = { contextLength, batchSize: 1, checkpointLayers: false };
  const [known] = ratesOf(model, device).values();
  const tried = fits(forecastMemory(model, shape).stateBytes) ? model : preset('mini');
  return (forwardShare * trainingFlops(model, shape)) / contextLength / (known ?? rateOf(tried, shape, device));
}

const fits = (bytes: number): boolean => bytes <= process.availableMemory();

/**
 * Forecast of a training run. Time is not a number when memory does not suffice: rehearsing might take the machine down.
 */
export function trainingForecast(
  model: Plamo2Config,
  phases: readonly TrainingPhase[],
  { heldOutTokens, evaluateEvery, evaluateTokens, keepLast, device, limit = Number.POSITIVE_INFINITY }: Settings,
): StepForecast {
  const shapes = forecastTraining(model, phases, {
    label: '',
    out: '.',
    keepLast,
    secondsPerStep: phases.map(() => 0),
  });
  const { memory, diskBytes = 0, steps } = shapes;
  if (sumMemory(shapes) > process.availableMemory())
    return { seconds: Number.NaN, memory, diskBytes, about: { ...model } };
  const each = phases.map((phase) => trainingFlops(model, phase) / rateOf(model, phase, device));
  const training = phases.reduce((sum, phase, i) => sum + phase.steps * each[i]!, 0);
  const perToken = secondsPerHeldOutToken(model, phases.at(-1)!.contextLength, device);
  const between = evaluateEvery === 0 ? 0 : Math.floor((steps - 1) / evaluateEvery);
  const measured = 2 * heldOutTokens + between * Math.min(evaluateTokens, heldOutTokens);
  return {
    seconds: Math.min(training, limit) + measured * perToken,
    memory,
    diskBytes,
    figures: { steps },
    about: { ...model },
  };
}
