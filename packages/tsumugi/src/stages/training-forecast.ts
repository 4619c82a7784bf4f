// What a training stage will take: its steps at the rate that is rehearsed on this machine, and its evaluations.
import { type Plamo2Config, preset } from '../lm/index.ts';
import { forecastSeconds, totalBytes } from '../loop/index.ts';
import type { StageForecast } from '../recipe/index.ts';
import { factoryDevice, parseDevice } from '../torch/index.ts';
import {
  forecastMemory,
  forecastTime,
  knownRate,
  rateOf,
  rehearseSteps,
  type TrainedPart,
  type TrainingPhase,
  trainingFlops,
  trainingSpace,
} from '../train/index.ts';

interface Settings {
  heldOutTokens: number;
  evaluateEvery: number;
  evaluateTokens: number;
  keepLast: number;
  keepSteps?: readonly number[] | undefined;
  device: string;
  /** The steps end after these seconds. */
  limit?: number | undefined;
}

/** Forward alone is a third of a training step. */
const forwardShare = 1 / 3;
const rehearsalSeconds = 0.6;

/**
 * Seconds to measure one held-out token in rows of this length, at the rate that the model reaches here, or, when it is too large to
 * be tried, at the rate of a small model.
 */
export function secondsPerHeldOutToken(
  model: Plamo2Config,
  sequenceLength: number,
  deviceName: string = factoryDevice(),
): number {
  const device = parseDevice(deviceName);
  const shape = { sequenceLength, batchSize: 1, activationCheckpointing: false };
  const tried = forecastMemory(model, shape).stateBytes <= process.availableMemory() ? model : preset('mini');
  const rate = knownRate(model, device) ?? rateOf(tried, shape, { seconds: rehearsalSeconds, device });
  return (forwardShare * trainingFlops(model, shape)) / sequenceLength / rate;
}

/** Forecast of a training run. Without enough memory the time is NaN: a rehearsal might take the machine down. */
export function trainingForecast(
  model: Plamo2Config,
  phases: readonly TrainingPhase[],
  {
    heldOutTokens,
    evaluateEvery,
    evaluateTokens,
    keepLast,
    keepSteps,
    device,
    limit = Number.POSITIVE_INFINITY,
  }: Settings,
  /** What is trained, where not all of the model is. */
  part: TrainedPart = {},
): StageForecast {
  const { memory, disk } = trainingSpace(model, phases, { keepLast, keepSteps }, part);
  const known = { memory, diskBytes: totalBytes(disk), about: { ...model } };
  if (totalBytes(memory) > process.availableMemory()) return { ...known, seconds: Number.NaN };
  const stepSeconds = rehearseSteps(model, phases, { seconds: rehearsalSeconds, device: parseDevice(device) }, part);
  const time = forecastTime(phases, stepSeconds);
  const perToken = secondsPerHeldOutToken(model, phases.at(-1)!.sequenceLength, device);
  const between = evaluateEvery === 0 ? 0 : Math.floor((time.steps - 1) / evaluateEvery);
  const measured = 2 * heldOutTokens + between * Math.min(evaluateTokens, heldOutTokens);
  const seconds = Math.min(forecastSeconds(time), limit) + measured * perToken;
  return { ...known, seconds, metrics: { steps: time.steps } };
}
