// Forecasts over ranks: one model counted by hand, what one process is forecast, and what can never be otherwise.
import { describe, expect, it, vi } from 'vitest';
import { preset, tensorShapes } from '../../lm/index.ts';
import { formatForecast, requireFits, type SpaceForecast, totalBytes } from '../../loop/index.ts';
import type { StepShape } from '../flops.ts';
import { modelFlops, trainingFlops } from '../flops.ts';
import { forecastSpace } from '../forecast.ts';
import { forecastMemory } from '../memory-forecast.ts';
import { machines } from './machines.ts';
import { type RankCompute, type RankMemory, rankBytes, rankMemory } from './rank-memory.ts';
import { rankShape, type Shard, shards } from './ranks.ts';
import { rehearseOverRanks, type SpreadTraining, spaceOverRanks } from './space-over-ranks.ts';
import { collectiveSeconds, stepTime } from './step-time.ts';
import { ringBytes, stepCollectives, wireBytes } from './wire.ts';

vi.mock('../rate.ts', () => ({ rehearseRate: () => 1e10 }));

const MiB = 2 ** 20;
const shape: StepShape = {
  sequenceLength: 512,
  batchSize: 8,
  gradientAccumulation: 4,
  activationCheckpointing: true,
};

/**
 * Two layers of attention over 64 numbers: a layer has qkv (64 + 2·16)·64, o 64·64, gate and up 2·128·64, down 64·128, and four norms
 * of 64, with norms of queries and keys of 4·16 and 16: 35,152. With the table of 256·64 and the last norm: 86,752.
 */
const tiny = preset('dense', {
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  hidden_size_per_head: 16,
  vocab_size: 256,
});
const [layer, rest, gateUp] = [35_152, 16_448, 2 * 128 * 64];
const all = 2 * layer + rest;
const forecastedTensors = tensorShapes(tiny).size;

describe('by hand', () => {
  const of = (shard: Shard, compute?: RankCompute): RankMemory =>
    rankMemory(tiny, shape, { world: 4, shard, bucketBytes: 65_536 }, {}, compute);

  it('counts the model', () => {
    expect(forecastMemory(tiny, shape).parameters).toBe(86_752);
    expect(all).toBe(86_752);
  });

  // In a layer, beside the activations of 8 · 512 tokens.
  it.each([
    ['none', { weights: 4 * all, gradients: 4 * all, optimizer: 8 * all, gathered: 0, buffers: 0 }],
    ['zero1', { weights: 4 * all, gradients: 4 * all, optimizer: 2 * all, gathered: 0, buffers: 0 }],
    // The first layer's o, qkv, norms and the last norm of the layer before it; and gate and up on their way, twice.
    [
      'zero2',
      { weights: 4 * all, gradients: all, optimizer: 2 * all, gathered: 0, buffers: 4 * 10_576 + 2 * 4 * gateUp },
    ],
    // Of weights a layer that is worked on and one that comes, of gradients one that is made and one that goes; what is on its way twice.
    [
      'zero3',
      {
        weights: all,
        gradients: all,
        optimizer: 2 * all,
        gathered: 4 * rest + 12 * layer,
        buffers: 4 * rest + 12 * layer,
      },
    ],
  ] as const)('counts what a rank of four holds: %s', (shard, held) => {
    expect(of(shard)).toMatchObject(held);
  });

  it('gathers and reduces in float32, also where it computes in bfloat16; NCCL needs no copies', () => {
    const held = of('zero3', { device: 'cuda', dtype: 'bfloat16' });
    const [gathered, buffers] = [4 * rest + 8 * layer, 4 * rest + 8 * layer];
    expect(held).toMatchObject({ weights: all, gradients: all, gathered, buffers });
  });

  it('sees the gradients of a large vocabulary, which come last', () => {
    const table = 4 * 16_384 * 64;
    const config = { ...tiny, vocab_size: 16_384 };
    const rows = { sequenceLength: 16, batchSize: 4, activationCheckpointing: true };
    const inputs = 4 * 16 * 64 * 3 + 4 * 5 * 16;
    const held = (shard: Shard, of = config) => rankMemory(of, rows, { world: 4, shard });
    // The head's, the embedding's and their sum.
    expect(held('none')).toMatchObject({ gathered: 0, buffers: 0, activations: inputs + 3 * table });
    expect(held('zero3')).toMatchObject({
      gathered: table + 4 * 64,
      buffers: table + 4 * 64 + 8 * layer,
      activations: inputs + 3 * table,
    });
    // A head of its own: both are on their way, twice over Gloo, and the embedding's is still there.
    expect(held('zero3', { ...config, tie_word_embeddings: false })).toMatchObject({
      gathered: 2 * table + 4 * 64,
      buffers: 2 * (2 * table + 4 * 64),
      activations: inputs + table,
    });
  });

  it('has a bucket no smaller than a tensor, and no larger than all gradients', () => {
    const buffers = (bucketBytes: number) =>
      rankMemory(tiny, shape, { world: 2, shard: 'zero2', bucketBytes }, {}).buffers;
    // A norm while gate and up are on their way: twice, and their half arrives, to be added to that of the micro-batch before.
    expect(buffers(1)).toBe(4 * 64 + 2.5 * 4 * gateUp);
    expect(buffers(1e9)).toBe(4 * all);
  });

  it('fills buckets with one tensor after the other', () => {
    const pieces = (bucketBytes: number) =>
      stepCollectives(tiny, shape, { world: 2, shard: 'none', bucketBytes })[0]!.pieces;
    expect(pieces(1e9)).toBe(1);
    expect(pieces(1)).toBe(forecastedTensors);
    // Norm, down | gate and up | o, qkv and norms, the next down's norm | down | gate and up | o, qkv | table: as backward goes.
    expect(pieces(65_536)).toBe(7);
  });

  it('counts what goes over the wire: 8 rows of a rank are one micro-batch', () => {
    const bytes = (shard: Shard, gradientAccumulation = 4) =>
      wireBytes(tiny, { ...shape, gradientAccumulation }, { world: 4, shard });
    const round = (3 / 4) * 4 * all;
    expect(bytes('none')).toBe(2 * round);
    expect(bytes('zero1')).toBe(3 * round);
    expect(bytes('zero2')).toBe(2 * round);
    // What is in no layer is gathered once, layers twice.
    const [once, twice] = [(3 / 4) * 4 * rest, 2 * (3 / 4) * 4 * 2 * layer];
    expect(bytes('zero3')).toBe(once + twice + round);
    // Twice as many micro-batches: gradients that are cut go each time, and so do weights that are.
    expect(bytes('none', 8)).toBe(2 * round);
    expect(bytes('zero1', 8)).toBe(3 * round);
    expect(bytes('zero2', 8)).toBe(3 * round);
    expect(bytes('zero3', 8)).toBe(once + 2 * (twice + round));
  });

  it('takes rows in turn', () => {
    expect(rankShape(shape, 1)).toEqual(shape);
    expect(rankShape(shape, 4)).toEqual({ ...shape, batchSize: 8, gradientAccumulation: 1 });
    expect(rankShape(shape, 3)).toEqual({ ...shape, batchSize: 8, gradientAccumulation: 2 });
    expect(rankShape(shape, 16)).toEqual({ ...shape, batchSize: 2, gradientAccumulation: 1 });
    expect(rankShape({ ...shape, gradientAccumulation: undefined }, 3)).toMatchObject({ batchSize: 3 });
  });
});

describe('memory', () => {
  const configs = [preset('mini'), preset('bench'), preset('1b')];
  const shapes = [shape, { ...shape, gradientAccumulation: 1, activationCheckpointing: false }];
  const part = { isFrozen: (name: string) => !name.includes('mlp'), added: 1000 };

  it('is that of one process with a world of 1, whatever would be cut', () => {
    for (const config of configs)
      for (const each of shapes)
        for (const trained of [{}, part])
          for (const shard of shards) {
            const { stateBytes, activationBytes, runtimeBytes } = forecastMemory(config, each, trained);
            const memory = rankMemory(config, each, { world: 1, shard }, trained);
            expect(memory.weights + memory.gradients + memory.optimizer).toBeCloseTo(stateBytes, 0);
            expect(memory.activations).toBeCloseTo(activationBytes, 0);
            expect(memory.runtime).toBeCloseTo(runtimeBytes, 0);
            expect(rankBytes(memory)).toBeCloseTo(stateBytes + activationBytes + runtimeBytes, 0);
          }
  });

  it('falls with what is cut and with the world, and no part is below nothing', () => {
    for (const compute of [undefined, { device: 'cuda', dtype: 'bfloat16' }] as const)
      for (const each of shapes) {
        const bytes = (shard: Shard, world: number) => {
          const memory = rankMemory(preset('1b'), each, { world, shard }, {}, compute);
          expect(Math.min(...Object.values(memory))).toBeGreaterThanOrEqual(0);
          return rankBytes(memory);
        };
        // Two ranks may have more with zero3 than with zero2: it holds the embedding's gradients whole, too.
        for (const world of [4, 8, 64])
          for (const [i, shard] of shards.slice(1).entries())
            expect(bytes(shard, world), `${shard} of ${world}`).toBeLessThanOrEqual(bytes(shards[i]!, world));
        for (const shard of shards.slice(1))
          for (const world of [4, 8, 64]) expect(bytes(shard, world)).toBeLessThan(bytes(shard, world / 2));
      }
  });

  it('comes to the state of the ZeRO paper (figure 1: 7.5 B on 64 GPUs, 120 GB whole and 1.9 GB cut)', () => {
    // All 16 bytes of a number, as there; how they are shared out among weights and the rest differs.
    const config = preset('8b', { num_hidden_layers: 26 });
    const { parameters } = forecastMemory(config, shape);
    expect(parameters / 7.5e9).toBeCloseTo(1, 1);
    const state = (shard: Shard) => {
      const { weights, gradients, optimizer } = rankMemory(config, shape, { world: 64, shard });
      return (weights + gradients + optimizer) / parameters;
    };
    expect(state('none')).toBe(16);
    expect(state('zero3') * 7.5).toBeCloseTo(1.9, 1);
  });

  it('holds less in bfloat16 by half of what is computed, not of the state', () => {
    const compute = (dtype: RankCompute['dtype']) => ({ device: 'cpu', dtype }) as const;
    const memory = (dtype: RankCompute['dtype']) =>
      rankMemory(preset('1b'), { ...shape, sequenceLength: 4096 }, { world: 1, shard: 'none' }, {}, compute(dtype));
    const [wide, half] = [memory('float32'), memory('bfloat16')];
    expect({ ...half, activations: 0, runtime: 0 }).toEqual({ ...wide, activations: 0, runtime: 0 });
    expect(half.activations / wide.activations).toBeGreaterThan(0.5);
    expect(half.activations / wide.activations).toBeLessThan(0.75);
  });
});

describe('a training', () => {
  const modelConfig = preset('mini');
  const own = forecastSpace('pretrain', modelConfig, [shape], { out: '/tmp/nowhere/at/all', keepLast: 2 });
  const teacher = { what: 'a teacher', bytes: 1234 };
  const training: SpreadTraining & { space: SpaceForecast } = {
    config: { device: 'cpu', dtype: 'float32', shard: 'zero2' },
    modelConfig,
    phases: [{ ...shape, steps: 1 }],
    space: { ...own, memory: [...own.memory, teacher] },
  };

  it('is forecast for one rank of several, in the memory that the host has for it', () => {
    const ranks = { world: 4, shard: 'zero2' } as const;
    const { memory, disk, availableMemoryBytes } = spaceOverRanks(training, { world: 4, onHost: 2 });
    expect(totalBytes(memory)).toBe(rankBytes(rankMemory(modelConfig, shape, ranks)) + teacher.bytes);
    expect(memory[0]!.what).toBe('of each of 4 ranks: weights');
    expect(memory.at(-1)).toBe(teacher);
    expect(memory.some(({ what }) => what.includes('worked on'))).toBe(false);
    expect(disk).toBe(own.disk);
    expect(availableMemoryBytes).toBe(own.availableMemoryBytes! / 2);
  });

  it('is forecast as it is where there is one', () => {
    expect(spaceOverRanks(training, { world: 1, onHost: 1 })).toBe(training.space);
  });

  it.each([1, 8])('is forecast by what it computes with, and a GPU has memory that this host has not: %d', (world) => {
    const onGpu = { ...training, config: { device: 'cuda', dtype: 'bfloat16', shard: 'zero3' } } as const;
    const { memory, availableMemoryBytes } = spaceOverRanks(onGpu, { world, onHost: world });
    const compute = { device: 'cuda', dtype: 'bfloat16' } as const;
    const ofRank = rankMemory(modelConfig, shape, { world, shard: 'zero3' }, {}, compute);
    expect(totalBytes(memory)).toBe(rankBytes(ofRank) + teacher.bytes);
    expect(memory.map(({ what }) => what)).toContain('CUDA and its libraries');
    expect(availableMemoryBytes).toBeUndefined();
    expect(() => requireFits({ ...own, memory, availableMemoryBytes })).not.toThrow();
    expect(formatForecast({ ...own, memory, availableMemoryBytes, steps: 1, secondsPerStep: 1 })).not.toContain(
      'undefined',
    );
  });

  it('takes the seconds of the busiest group of ranks, which share its rows', () => {
    const seconds = (rows: number, world: number, ranksPerRow: number) =>
      rehearseOverRanks(
        { ...training, phases: [{ ...shape, batchSize: 1, gradientAccumulation: rows, steps: 1 }], ranksPerRow },
        world,
      )[0]!;
    const one = seconds(1, 1, 1);
    expect(seconds(1, 2, 1)).toBe(one);
    expect(seconds(3, 2, 1)).toBe(2 * one);
    expect(seconds(3, 4, 2)).toBe(one);
    expect(seconds(1, 4, 4)).toBe(one / 4);
  });
});

describe('time', () => {
  const config = preset('bench');
  const rates = { flops: 1e11, inside: { bytes: 1e9, latency: 1e-4 } };

  it('is that of the work alone with a world of 1', () => {
    const time = stepTime(config, shape, { world: 1, shard: 'zero3' }, rates);
    expect(time.compute).toBeCloseTo(trainingFlops(config, shape) / 1e11, 9);
    expect(time).toMatchObject({ seconds: time.compute, update: 0, communication: 0, exposed: 0 });
  });

  it('reckons a collective by hand: 100 MB over two ranks, and over two hosts of four', () => {
    const sum = { kind: 'all-reduce', bytes: 100e6, pieces: 4 } as const;
    expect(ringBytes('all-reduce', 100e6, 2)).toBe(100e6);
    // Each piece two rounds of one message.
    expect(collectiveSeconds(sum, 2, rates)).toBeCloseTo(0.1 + 4 * 2 * 1e-4, 9);
    const slow = { ...rates, ranksPerHost: 4, between: { bytes: 1e8, latency: 1e-2 } };
    expect(collectiveSeconds(sum, 8, slow)).toBeCloseTo((2 * 7) / 8 + 4 * 2 * (6 * 1e-4 + 1e-2), 9);
    // Hosts of one rank have nothing but the network.
    const alone = { ...slow, ranksPerHost: 1, inside: { bytes: 1, latency: 9 } };
    expect(collectiveSeconds({ ...sum, kind: 'all-gather' }, 2, alone)).toBeCloseTo(0.5 + 4 * 1e-2, 9);
  });

  it('hides gradients behind backward but for the last bucket, or the embedding where that is larger', () => {
    const ranks = { world: 2, shard: 'none' } as const;
    const { compute, communication, exposed } = stepTime(config, shape, ranks, rates);
    const buckets = stepCollectives(config, shape, ranks)[0]!.pieces;
    // 73 MB in buckets that are not full, as no tensor is cut.
    expect(buckets).toBeGreaterThanOrEqual((4 * forecastMemory(config, shape).parameters) / (25 * MiB));
    expect(buckets).toBeLessThan(5);
    expect(communication).toBeLessThan(compute / 4);
    expect(exposed).toBeCloseTo(communication / buckets, 9);
    const many = stepTime(
      config,
      shape,
      { ...ranks, bucketBytes: 1e6 },
      { ...rates, inside: { bytes: 1e9, latency: 0 } },
    );
    const share = (config.vocab_size * config.hidden_size) / forecastMemory(config, shape).parameters;
    expect(many.exposed / many.communication).toBeCloseTo(share, 9);
    // Half of the rows, two micro-batches of eight.
    expect(compute).toBeCloseTo(trainingFlops(config, { ...shape, gradientAccumulation: 2 }) / 1e11, 9);
  });

  it('waits for a slow network with all but what backward hides, whose first part is hidden by nothing', () => {
    const slow = { ...rates, inside: { bytes: 1e6, latency: 0 } };
    const { seconds, compute, communication, exposed } = stepTime(config, shape, { world: 2, shard: 'none' }, slow);
    const micro = { ...shape, gradientAccumulation: 1 };
    const backward = (trainingFlops(config, micro) - modelFlops(config, micro) / 3) / 1e11;
    const buckets = stepCollectives(config, shape, { world: 2, shard: 'none' })[0]!.pieces;
    expect(exposed).toBeCloseTo(communication - backward * (1 - 1 / buckets), 6);
    expect(seconds).toBeCloseTo(compute + exposed, 9);
  });

  it('updates a share where the optimizer is cut', () => {
    const update = (shard: Shard) => stepTime(config, shape, { world: 4, shard }, { ...rates, memory: 1e10 }).update;
    expect(update('none')).toBeCloseTo((32 * forecastMemory(config, shape).parameters) / 1e10, 9);
    expect(update('zero1')).toBeCloseTo(update('none') / 4, 9);
  });

  it('grows with what the wire costs and falls with the world, on published rates', () => {
    const step = { sequenceLength: 4096, batchSize: 1, gradientAccumulation: 512, activationCheckpointing: true };
    const seconds = (shard: Shard, world: number) =>
      stepTime(preset('8b'), step, { world, shard }, machines.h100.rates).seconds;
    for (const shard of shards)
      for (const world of [8, 16, 64]) expect(seconds(shard, world), shard).toBeLessThan(seconds(shard, world / 2));
    const eighth = stepTime(preset('8b'), step, { world: 8, shard: 'zero3' }, machines.h100.rates);
    expect(eighth.exposed).toBeLessThan(0.2 * eighth.compute);
  });
});
