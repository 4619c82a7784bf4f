// What a forecast over ranks can be told: the training, the ranks, and what they run on.
import { z } from 'zod';
import { ConfigError } from '../../base/index.ts';
import { type Plamo2Config, preset } from '../../lm/index.ts';
import { count } from '../common-config.ts';
import type { StepShape } from '../flops.ts';
import { rateOf } from '../known-rates.ts';
import { forecastMemory } from '../memory-forecast.ts';
import { machines } from './machines.ts';
import type { RankShape } from './ranks.ts';
import { forecastShards, type RankMachine, type ShardForecast } from './shard-forecasts.ts';

const rate = z.number().positive();

export const scaleConfig = z.strictObject({
  model: z.string().default('8b').describe('shape: a preset name'),
  modelChanges: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('keys of config.json that differ from the preset'),
  sequenceLength: count.min(2).default(4096).describe('tokens of a row'),
  batchSize: count.default(1).describe('rows of a micro-batch'),
  gradientAccumulation: count
    .default(512)
    .describe('micro-batches of a step, over all ranks: their number times batchSize is dealt out'),
  activationCheckpointing: z.boolean().default(true).describe('recompute activations'),
  dtype: z
    .enum(['float32', 'bfloat16'])
    .optional()
    .describe('of the computation; bfloat16 on a GPU and float32 here when left out'),

  world: count.default(8).describe('ranks: one for each GPU, or each process'),
  ranksPerHost: count.optional().describe('ranks on one host; those of the machine, or all here, when left out'),

  machine: z
    .enum(['h100', 'here'])
    .default('h100')
    .describe(
      "h100: published numbers of a GPU; here: this machine's CPU, whose rate is rehearsed (that of a small model where this one is too large)",
    ),
  memoryBytes: rate.optional().describe('memory of a rank'),
  flops: rate.optional().describe('floating-point operations of a rank in a second, as they are reached'),
  memoryRate: rate
    .optional()
    .describe("bytes of its memory in a second; without it the update's time is left out here"),
  insideRate: rate.optional().describe('bytes in a second from a rank to the next on its host'),
  insideLatency: z.number().nonnegative().optional().describe('seconds that a message between them takes besides'),
  betweenRate: rate.optional().describe('bytes in a second from a host to the next'),
  betweenLatency: z.number().nonnegative().optional().describe('seconds that a message between them takes besides'),
});

export type ScaleConfig = z.output<typeof scaleConfig>;

/** A case, and its forecasts. */
export interface ScaleForecast {
  modelConfig: Plamo2Config;
  shape: RankShape;
  machine: RankMachine;
  forecasts: ShardForecast[];
}

/** Between two processes of one machine over loopback, all-reduces of Gloo reached 0.6 to 1 GB/s on two cores. */
const loopback = { bytes: 0.8e9, latency: 1e-4 };

const rehearsalSeconds = 0.6;

/** @throws ConfigError for a model that there is not, and for hosts that nothing is known to join */
export function forecastScale(config: ScaleConfig): ScaleForecast {
  const modelConfig = preset(config.model, config.modelChanges as Partial<Plamo2Config>);
  const { sequenceLength, batchSize, gradientAccumulation, activationCheckpointing, world } = config;
  const shape = { sequenceLength, batchSize, gradientAccumulation, activationCheckpointing };
  const machine = machineOf(config, modelConfig, shape);
  return {
    modelConfig,
    shape,
    machine,
    forecasts: forecastShards(modelConfig, shape, { world }, machine),
  };
}

function machineOf(config: ScaleConfig, modelConfig: Plamo2Config, shape: StepShape): RankMachine {
  const published = config.machine === 'h100' ? machines.h100 : undefined;
  const { world, memoryRate, dtype = published ? 'bfloat16' : 'float32' } = config;
  const ranksPerHost = config.ranksPerHost ?? published?.rates.ranksPerHost ?? world;
  const here = Math.min(world, ranksPerHost);
  const link = (known: { bytes: number; latency: number } | undefined, bytes?: number, latency?: number) =>
    known || bytes !== undefined
      ? { bytes: bytes ?? known!.bytes, latency: latency ?? known?.latency ?? loopback.latency }
      : undefined;
  const between = link(published?.rates.between, config.betweenRate, config.betweenLatency);
  if (world > ranksPerHost && !between)
    throw new ConfigError(
      'no-rate',
      `${world} ranks with ranksPerHost ${ranksPerHost} are on several hosts, and nothing says how fast these are joined`,
      { remedy: 'Give betweenRate, in bytes a second: 125e6 for 1 Gbit/s.' },
    );
  const rehearsed = () => {
    const { stateBytes, activationBytes } = forecastMemory(modelConfig, shape);
    const tried = stateBytes + activationBytes <= process.availableMemory() ? modelConfig : preset('mini');
    return rateOf(tried, shape, { seconds: rehearsalSeconds, device: 'cpu', dtype });
  };
  return {
    // Ranks of one host share its cores and its memory.
    memoryBytes: config.memoryBytes ?? published?.memoryBytes ?? process.availableMemory() / here,
    compute: { device: published ? 'cuda' : 'cpu', dtype },
    rates: {
      flops: config.flops ?? published?.rates.flops ?? rehearsed() / here,
      memory: memoryRate ?? published?.rates.memory,
      ranksPerHost,
      inside: link(published?.rates.inside ?? loopback, config.insideRate, config.insideLatency)!,
      between,
    },
  };
}
