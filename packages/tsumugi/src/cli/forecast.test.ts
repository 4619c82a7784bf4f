// `tsumugi forecast`: what it prints is what the functions say, and a case without a rate is refused.
import { describe, expect, it } from 'vitest';
import { preset } from '../lm/index.ts';
import { formatBytes } from '../run/index.ts';
import { machines, rankBytes, rankMemory, type ScaleForecast, shards, wireBytes } from '../train/index.ts';
import { runCli } from './cli.testing.ts';

const forecast = async (...sets: string[]): Promise<ScaleForecast> => {
  const { code, stdout, stderr } = await runCli(['forecast', ...sets.flatMap((set) => ['--set', set]), '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};
const here = ['machine=here', 'flops=1e11', 'memoryBytes=1e9', 'model=bench', 'world=4'];

describe('tsumugi forecast', () => {
  it('lays what is cut beside each other', async () => {
    const shape = { sequenceLength: 4096, batchSize: 1, gradientAccumulation: 512, activationCheckpointing: true };
    const compute = { device: 'cuda', dtype: 'bfloat16' } as const;
    const { forecasts } = await forecast('world=16');
    expect(forecasts.map(({ shard }) => shard)).toEqual(shards);
    for (const { shard, memory, memoryBytes, fits, wireBytes: sent } of forecasts) {
      const ranks = { world: 16, shard };
      expect(memory).toEqual(rankMemory(preset('8b'), shape, ranks, {}, compute));
      expect(memoryBytes).toBe(rankBytes(memory));
      expect(fits).toBe(memoryBytes <= machines.h100.memoryBytes);
      expect(sent).toBe(wireBytes(preset('8b'), shape, ranks));
    }
    const { stdout } = await runCli(['forecast', '--set', 'world=16']);
    for (const { memoryBytes } of forecasts) expect(stdout).toContain(formatBytes(memoryBytes));
    expect(stdout).toMatch(/32 micro-batches of 1, in bfloat16\n/);
    expect(stdout).toMatch(/\nzero2 is the least that fits into the 74\.5 GiB of a rank\n$/);
  });

  it('says that nothing fits', async () => {
    const { stdout } = await runCli(['forecast', '--set', 'memoryBytes=1e9']);
    expect(stdout).toMatch(/\nnothing fits into the 954 MiB of a rank: take more ranks, /);
  });

  it('takes the rates that it is given, here in float32', async () => {
    const { machine, forecasts } = await forecast(...here, 'ranksPerHost=1', 'betweenRate=1e6', 'betweenLatency=0');
    expect(machine).toMatchObject({ memoryBytes: 1e9, compute: { device: 'cpu', dtype: 'float32' } });
    const [none] = forecasts;
    expect(none!.time.communication).toBeCloseTo(none!.wireBytes / 1e6, 6);
    expect(none!.time.update).toBe(0);
  });

  it('rehearses the rate here, which ranks of the host share', async () => {
    const of = async (world: number) =>
      (await forecast('machine=here', 'model=mini', 'sequenceLength=64', `world=${world}`)).machine;
    const [one, two] = [await of(1), await of(2)];
    expect(one.rates.flops).toBeGreaterThan(1e8);
    expect(one.rates.flops / two.rates.flops).toBeCloseTo(2, 6);
  });

  it.each([
    [[...here, 'ranksPerHost=2'], /4 ranks with ranksPerHost 2 are on several hosts, .*\n.*Give betweenRate/],
    [['model=9b'], /there is no model preset "9b"/],
    [['world=0'], /world/],
    [['modelChanges.hidden_sise=1'], /hidden_sise/],
  ])('refuses %s', async (sets, message) => {
    const { code, stderr } = await runCli(['forecast', ...sets.flatMap((set) => ['--set', set])]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
