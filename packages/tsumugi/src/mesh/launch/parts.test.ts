// Parts of the launcher by themselves: what each process gets of the machine, its lines, its end, signals.
import { PassThrough, Writable } from 'node:stream';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { requireFreePort } from './free-port.ts';
import { eachLine } from './rank-output.ts';
import { shareMachine } from './shares.ts';
import { passSignals } from './signals.ts';
import { killRank, startRank } from './start-rank.ts';

const machine = vi.hoisted(() => ({ parallel: 7, cores: [0, 4, 1, 5, 2, 6, 3] as number[] | undefined, pins: true }));
vi.mock('node:os', async (original) => ({
  ...(await original<object>()),
  availableParallelism: () => machine.parallel,
}));
vi.mock('./cores.ts', async (original) => ({
  ...(await original<object>()),
  ownCores: () => machine.cores,
  canPin: () => machine.pins,
}));

describe('a process has', () => {
  afterEach(() => void vi.unstubAllEnvs());
  it('its share of threads and cores, and no core is of two', () => {
    vi.stubEnv('TSUMUGI_THREADS', '');
    expect(shareMachine(2, true)).toEqual({ threads: '3', cores: ['0-1,4', '2-3,5-6'], notes: [] });
    expect(shareMachine(3, false)).toEqual({ threads: '2', cores: undefined, notes: [] });
    expect(shareMachine(7, true)).toMatchObject({ threads: '1', cores: ['0', '4', '1', '5', '2', '6', '3'] });
    const many = shareMachine(8, true);
    expect(many).toMatchObject({ threads: '1', cores: undefined });
    expect(many.notes).toEqual(['8 processes share 7 cores: they wait for each other']);
  });

  it('as many threads as the person says', () => {
    vi.stubEnv('TSUMUGI_THREADS', '5');
    expect(shareMachine(2, false).threads).toBe('5');
  });
});

it('lines are whole, whatever pieces they come in, and a very long one does not wait for its end', () => {
  const lines: string[] = [];
  const stream = new PassThrough();
  eachLine(stream, (line) => void lines.push(line));
  const bytes = Buffer.from('あ\nい');
  stream.emit('data', bytes.subarray(0, 1));
  stream.emit('data', bytes.subarray(1, 6));
  expect(lines).toEqual(['あ']);
  stream.emit('data', bytes.subarray(6));
  stream.emit('data', Buffer.from('x'.repeat(70_000)));
  expect(lines[1]).toHaveLength(70_001);
  stream.emit('data', Buffer.from('end'));
  stream.emit('end');
  expect(lines.slice(2)).toEqual(['end']);
});

it('signals are passed on once; a second one ends at once, unless it is of a terminal that closed', () => {
  const heard: string[] = [];
  const receivers = {
    pass: (signal: string) => void heard.push(signal),
    endAtOnce: (signal: string) => void heard.push(`${signal} at once`),
  };
  const before = process.listenerCount('SIGTERM');
  {
    using _ = passSignals(receivers);
    for (const signal of ['SIGWINCH', 'SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGWINCH', 'SIGHUP', 'SIGINT'] as const)
      process.emit(signal, signal);
  }
  expect(heard).toEqual(['SIGWINCH', 'SIGHUP', 'SIGWINCH', 'SIGINT at once']);
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

it('a rank has ended when it has, also where what it started keeps its output open', async () => {
  const said: string[] = [];
  const stderr = new Writable({
    write(chunk, _, done) {
      said.push(String(chunk));
      done();
    },
  });
  const began = performance.now();
  const rank = startRank(1, ['sh', '-c', 'sleep 20 & echo last; echo $! >&2; exit 3'], process.env, stderr);
  onTestFinished(() => void process.kill(Number(/\d+$/m.exec(said.find((each) => /\d\n/.test(each))!)![0])));
  expect(await rank.ended).toEqual({ rank: 1, code: 3, signal: null });
  expect(performance.now() - began).toBeLessThan(15_000);
  expect(said).toContain('[rank 1] last\n');
  killRank(rank); // is over: nothing happens
});

it('a port that there cannot be is no matter of who listens', async () => {
  await expect(requireFreePort(70_000)).rejects.toThrow(RangeError);
});
