// The ways of cutting a training over ranks beside each other: memory of a rank, whether it fits, the wire, the time of a step.
import type { Plamo2Config } from '../../lm/index.ts';
import type { StepShape } from '../flops.ts';
import { type RankCompute, type RankMemory, rankBytes, rankMemory } from './rank-memory.ts';
import { type Ranks, type Shard, shards } from './ranks.ts';
import { type ClusterRates, type StepTime, stepTime } from './step-time.ts';
import { wireBytes } from './wire.ts';

export interface ShardForecast {
  shard: Shard;
  /** Of a rank, by part and in all. */
  memory: RankMemory;
  memoryBytes: number;
  fits: boolean;
  /** Bytes that a rank sends in a step. */
  wireBytes: number;
  time: StepTime;
  tokensPerSecond: number;
}

/** What ranks run on. */
export interface RankMachine {
  /** Memory that a rank has. */
  memoryBytes: number;
  rates: ClusterRates;
  compute: RankCompute;
}

export function forecastShards(
  config: Plamo2Config,
  shape: StepShape,
  ranks: Omit<Ranks, 'shard'>,
  { memoryBytes: available, rates, compute }: RankMachine,
): ShardForecast[] {
  const { sequenceLength, batchSize, gradientAccumulation = 1 } = shape;
  return shards.map((shard) => {
    const cut = { ...ranks, shard };
    const memory = rankMemory(config, shape, cut, {}, compute);
    const memoryBytes = rankBytes(memory);
    const time = stepTime(config, shape, cut, rates);
    return {
      shard,
      memory,
      memoryBytes,
      fits: memoryBytes <= available,
      wireBytes: wireBytes(config, shape, cut),
      time,
      tokensPerSecond: (sequenceLength * batchSize * gradientAccumulation) / time.seconds,
    };
  });
}

/** The one that cuts least of those that fit. */
export const leastCut = (forecasts: readonly ShardForecast[]): ShardForecast | undefined =>
  forecasts.find(({ fits }) => fits);
