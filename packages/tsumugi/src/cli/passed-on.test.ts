// Options reach what does the work: launching, preparing in parts and threads, planning for a rank. None of that is done here.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../base/index.ts';
import { runCli, testIo } from './cli.testing.ts';
import { planOverRanks } from './with-mesh.ts';

const { calls, told } = vi.hoisted(() => {
  const calls: Record<string, unknown[][]> = {};
  const told = (name: string, ...args: unknown[]) => {
    calls[name] = [...(calls[name] ?? []), args];
  };
  return { calls, told };
});
const ends = () => {
  throw new UserError('enough', 'enough', {});
};
const endsIn =
  (name: string) =>
  async (...args: unknown[]) => {
    told(name, ...args);
    ends();
  };
vi.mock('../mesh/launch/index.ts', async (original) => ({
  ...(await original<object>()),
  launch: async (options: object) => {
    told('launch', options);
    return 7;
  },
  requireFreePort: async (port: number) => told('port', port),
}));
vi.mock('../text/index.ts', async (original) => ({
  ...(await original<object>()),
  openTokenizer: () => ({ tokenizer: {}, sha256: '' }),
  prepare: endsIn('prepare'),
  preparePart: endsIn('part'),
  joinParts: endsIn('join'),
}));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-passed-on-'));
  for (const name of ['a.txt', 'b.txt']) writeFileSync(join(folder, name), 'text');
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const name of Object.keys(calls)) delete calls[name];
  vi.unstubAllEnvs();
});

describe('launch', () => {
  const launch = async (words: string) => {
    expect((await runCli(['launch', ...words.split(' ')])).code).toBe(7);
    return calls['launch']![0]![0] as Record<string, unknown>;
  };

  it('has every option, and the command', async () => {
    const plain = await launch('--processes 3 -- sft --model "a"');
    expect(plain).toMatchObject({ pin: true, graceSeconds: 30, env: { TSUMUGI_LAUNCH: '--processes 3' } });
    expect(plain['layout']).toMatchObject({ processes: 3, nodes: 1, nodeRank: 0, address: '127.0.0.1' });
    expect((plain['command'] as string[]).slice(-3)).toEqual(['sft', '--model', '"a"']);
    calls['launch'] = [];
    expect(await launch('--processes 2 --no-pin --grace-seconds 2.5 -- sft')).toMatchObject({
      pin: false,
      graceSeconds: 2.5,
    });
  });

  it('is one machine of several; on the first the port has to be free', async () => {
    const machine = '--processes 2 --nodes 3 --master [fd00::1]:29500 --node-rank';
    const { layout } = await launch(`${machine} 2 -- sft`);
    expect(layout).toEqual({ processes: 2, nodes: 3, nodeRank: 2, address: 'fd00::1', port: 29500 });
    expect(calls['port']).toBeUndefined();
    await launch(`${machine} 0 -- sft`);
    expect(calls['port']).toEqual([[29500]]);
  });
});

describe('data', () => {
  const run = async (...words: string[]) =>
    expect((await runCli(['data', ...words, '--out', join(folder, 'out')])).stderr).toContain('enough');
  const text = () => ['prepare', '--text', join(folder, 'a.txt'), join(folder, 'b.txt'), '--tokenizer', 'here'];

  it('is prepared in the threads and the memory that are given', async () => {
    await run(...text(), '--threads', '5', '--dedup-memory', '3M', '--seed', '4', '--held-out', '0.3');
    expect(calls['prepare']![0]![2]).toMatchObject({
      threads: 5,
      dedupMemory: 3 * 2 ** 20,
      tokenizer: 'here',
      seed: 4,
      heldOutFraction: 0.3,
    });
  });

  it('is prepared in the part that is asked for', async () => {
    await run(...text(), '--part', '2/2', '--threads', '5', '--dedup-memory', '3M');
    const [{ part }, , settings] = calls['part']![0] as [{ part: object }, string, object];
    expect(part).toMatchObject({ index: 2, of: 2, from: 1, to: 2 });
    expect(settings).toMatchObject({ threads: 5, dedupMemory: 3 * 2 ** 20 });
    await run(...text(), '--part', '2/2', '--own-files');
    expect((calls['part']![1]![0] as { part: object }).part).toMatchObject({
      index: 2,
      of: 2,
      from: 0,
      to: 2,
      list: null,
    });
  });

  it('is joined in the memory that is given', async () => {
    await run('join', 'x', 'y', '--dedup-memory', '3M');
    expect(calls['join']![0]).toEqual([
      ['x', 'y'],
      join(folder, 'out'),
      expect.objectContaining({ dedupMemory: 3 * 2 ** 20 }),
    ]);
  });
});

it('a plan is for as many ranks as there are, of which those of a machine share it', async () => {
  const place = { WORLD_SIZE: '6', LOCAL_WORLD_SIZE: '3', MASTER_ADDR: 'first', MASTER_PORT: '1' };
  for (const [name, value] of Object.entries(place)) vi.stubEnv(name, value);
  for (const [rank, isHeard] of [
    ['0', true],
    ['4', false],
  ] as const) {
    vi.stubEnv('RANK', rank);
    const io = testIo([]);
    const plan = async (options: { ranks?: object; stream?: object }) => {
      expect(options.ranks).toEqual({ world: 6, onHost: 3 });
      expect(options.stream === io.stderr).toBe(isHeard);
      return ends();
    };
    await expect(planOverRanks(io, {} as never, plan as never)).rejects.toThrow('enough');
  }
});
