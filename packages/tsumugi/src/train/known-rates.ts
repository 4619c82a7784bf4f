// Rates of training that were rehearsed in this process: each is measured once.
import type { Plamo2Config } from '../lm/index.ts';
import { type Device, factoryDevice } from '../torch/index.ts';
import type { StepShape } from './flops.ts';
import { type RateOptions, rehearseRate } from './rate.ts';
import type { TrainedPart } from './trained-part.ts';

/** By model and device, then by shape and type. */
const rates = new Map<string, Map<string, number>>();

function ratesOf(config: Plamo2Config, device: Device): Map<string, number> {
  const key = JSON.stringify([config, device]);
  const known = rates.get(key) ?? new Map<string, number>();
  rates.set(key, known);
  return known;
}

/** A rate at which this model is known to be trained here, whatever the shape. */
export const knownRate = (config: Plamo2Config, device: Device): number | undefined =>
  ratesOf(config, device).values().next().value;

/** `rehearseRate`, once for each shape of a model. */
export function rateOf(
  config: Plamo2Config,
  shape: StepShape,
  options: RateOptions = {},
  part: TrainedPart = {},
): number {
  const { sequenceLength, batchSize, activationCheckpointing } = shape;
  const known = ratesOf(config, options.device ?? factoryDevice());
  const adapters = part.rehearse && part.added;
  const key = [sequenceLength, batchSize, activationCheckpointing, options.dtype, adapters].join();
  const rate = known.get(key) ?? rehearseRate(config, shape, options, part);
  known.set(key, rate);
  return rate;
}
