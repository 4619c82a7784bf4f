// Every setting of a forecast over ranks changes what it is about, and nothing that it is not.
import { describe, expect, it } from 'vitest';
import { preset } from '../../lm/index.ts';
import { forecastScale, scaleConfig } from './scale-config.ts';
import { spaceOverRanks } from './space-over-ranks.ts';

const of = (changes: object) => forecastScale(scaleConfig.parse({ model: '1b', world: 16, ...changes }));
const none = (changes: object) => of(changes).forecasts[0]!;

describe('a setting', () => {
  const usual = of({});

  it.each([
    ['memoryRate', { memoryRate: 3.35e11 }, 'update', 10],
    ['flops', { flops: (0.33 * 989.4e12) / 4 }, 'compute', 4],
  ] as const)('%s makes a part of the step as much slower', (_, changes, part, times) => {
    expect(none(changes).time[part] / usual.forecasts[0]!.time[part]).toBeCloseTo(times, 9);
    expect(none(changes).time.communication).toBe(usual.forecasts[0]!.time.communication);
  });

  it('of a link changes that link: between ranks of a host, or between hosts', () => {
    const seconds = (changes: object) => none(changes).time.communication;
    const slow = { insideRate: 1e9, insideLatency: 0, betweenRate: 2e9, betweenLatency: 0 };
    // All links work at once: the slowest counts.
    const { wireBytes } = none({});
    expect(seconds(slow)).toBeCloseTo(wireBytes / 1e9, 6);
    expect(seconds({ ...slow, insideRate: 4e9 })).toBeCloseTo(wireBytes / 2e9, 6);
    // Of sixteen on two hosts one message in a round goes from host to host.
    const [inside, between] = [0.25, 1].map(
      (latency, i) => seconds({ ...slow, [i === 0 ? 'insideLatency' : 'betweenLatency']: latency }) - seconds(slow),
    ) as [number, number];
    expect(inside / 0.25 / 14).toBeCloseTo(between, 6);
    expect(seconds({ ...slow, ranksPerHost: 16, insideRate: 4e9 })).toBeCloseTo(wireBytes / 4e9, 6);
  });

  it('dtype is that of the computation, on a GPU and here', () => {
    const half = of({ model: 'mini', machine: 'here', flops: 1e11, dtype: 'bfloat16' });
    const wide = of({ dtype: 'float32' });
    expect([usual, half, wide].map(({ machine }) => machine.compute)).toEqual([
      { device: 'cuda', dtype: 'bfloat16' },
      { device: 'cpu', dtype: 'bfloat16' },
      { device: 'cuda', dtype: 'float32' },
    ]);
    expect(wide.forecasts[0]!.memoryBytes).not.toBe(usual.forecasts[0]!.memoryBytes);
  });

  it('of the shape is that of the step, whose tokens are all that go through in its time', () => {
    const shape = { sequenceLength: 2048, batchSize: 2, gradientAccumulation: 64, activationCheckpointing: false };
    const { forecasts, shape: found } = of(shape);
    expect(found).toEqual(shape);
    for (const { tokensPerSecond, time } of forecasts)
      expect(tokensPerSecond * time.seconds).toBeCloseTo(2048 * 2 * 64, 3);
  });

  it('memoryBytes decides what fits', () => {
    const [first] = usual.forecasts;
    expect(of({ memoryBytes: first!.memoryBytes }).forecasts[0]!.fits).toBe(true);
    expect(of({ memoryBytes: first!.memoryBytes - 1 }).forecasts[0]!.fits).toBe(false);
  });
});

it('ranks that share rows hold a part of each', () => {
  const modelConfig = preset('mini');
  const phase = {
    sequenceLength: 4096,
    batchSize: 1,
    gradientAccumulation: 4,
    activationCheckpointing: true,
    steps: 1,
  };
  const space = { memory: [{ what: 'all', bytes: 1 }], disk: 1, availableMemoryBytes: 1e12 } as never;
  const bytes = (world: number, ranksPerRow?: number) => {
    const config = { device: 'cpu', dtype: 'float32', shard: 'none' } as const;
    const training = { config, modelConfig, phases: [phase], space, ranksPerRow };
    const { memory } = spaceOverRanks(training as never, { world, onHost: 1 });
    return memory.find(({ what }) => what === 'activations')!.bytes;
  };
  expect(bytes(4, 4) / bytes(4)).toBeLessThan(0.3);
});
