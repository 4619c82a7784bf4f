// What pruning will take, before a model is read.
import type { Plamo2Config } from '../../lm/index.ts';
import { bytesPerSecond, flopsPerSecond } from '../rates.ts';
import { shapeCost } from '../reshape/cost.ts';
import { layersOfUnit } from '../reshape/layers.ts';
import type { PruneSettings } from './prune-config.ts';

/** Node, libtorch. */
const runtimeBytes = 250e6;

export interface PruneForecast {
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** Both models are in memory at the end of calibration, in float32; weights of a file are mapped and can be given back. */
export function pruneForecast(
  before: Plamo2Config,
  after: Plamo2Config,
  { sequences, sequenceLength, depth }: Pick<PruneSettings, 'sequences' | 'sequenceLength' | 'depth'>,
): PruneForecast {
  const [from, to] = [shapeCost(before), shapeCost(after)];
  const without = depth === 'loss' ? Math.floor(before.num_hidden_layers / layersOfUnit(before)) : 0;
  const flops = sequences * sequenceLength * (from.flopsPerToken * (1 + without) + to.flopsPerToken);
  const activations =
    4 * sequenceLength * (2 * before.intermediate_size + 8 * before.hidden_size + 2 * before.vocab_size);
  return {
    seconds: flops / flopsPerSecond + (2 * from.bytes + to.bytes) / bytesPerSecond,
    memoryBytes: runtimeBytes + from.bytes + to.bytes + activations,
    diskBytes: to.bytes,
  };
}
