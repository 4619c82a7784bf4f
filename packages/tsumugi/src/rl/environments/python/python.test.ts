// The bridge to Python's Gymnasium: with a module of the test's own, where every fault can be had; and with Gymnasium itself,
// where TSUMUGI_PYTHON has it, step for step against our own environments.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requires } from '../../../../../../tests/requires.testing.ts';
import { TsumugiError, UserError } from '../../../base/index.ts';
import type { Environment } from '../../environment.ts';
import { makeEnvironment } from '../../registry.ts';
import { makeVectorEnvironment } from '../../vector/make.ts';
import { writeFakeGymnasium } from './fake-gymnasium.testing.ts';
import { bridgeFile } from './family.ts';
import { PythonEnvironment } from './python-environment.ts';
import { PythonProcess } from './python-process.ts';

const runs = (command: string, code: string) => spawnSync(command, ['-c', code], { stdio: 'ignore' }).status === 0;
const hasPython = runs('python3', 'import sys; assert sys.version_info >= (3, 8)');
const real = process.env['TSUMUGI_PYTHON'];
const hasGymnasium = real !== undefined && runs(real, 'import gymnasium');

describe('the bridge', requires(hasPython, 'Python 3.8 or newer as python3'), () => {
  let folder: string;
  let closed: string;
  const before = { ...process.env };
  let walk: Environment;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsumugi-python-'));
    closed = join(folder, 'closed');
    Object.assign(process.env, { PYTHONPATH: writeFakeGymnasium(folder), CLOSED: closed });
    process.env['TSUMUGI_PYTHON'] = '';
    walk = await make('Walk-v0');
  });
  afterAll(() => {
    walk[Symbol.dispose]();
    process.env = before;
    rmSync(folder, { recursive: true });
  });

  const make = (name: string, options: object = {}) => makeEnvironment(`python/${name}`, { ...options });

  /** @param text of another script than the bridge */
  const start = (text?: string) => {
    const file = join(folder, 'script.py');
    if (text !== undefined) writeFileSync(file, text);
    const script = text === undefined ? bridgeFile : file;
    return PythonProcess.start({ command: 'python3', script, name: 'x', timeoutSeconds: 20 });
  };

  it('steps: observations, rewards, ends, infos, and the next seed', () => {
    expect(walk.reset({ seed: 4 })).toEqual({ observation: Float32Array.of(0, 4, 7), info: { options: null } });
    expect(walk.step(1)).toEqual({
      observation: Float32Array.of(2, 4, 7),
      reward: 2 / 3,
      terminated: false,
      truncated: false,
      info: { place: 2, nothing: null, nan: 'nan' },
    });
    expect(walk.reset().observation).toEqual(Float32Array.of(0, 4, 7));
    expect(walk.reset({ options: { place: 20 } }).info).toEqual({ options: { place: 20 } });
    expect(walk.step(1)).toMatchObject({ terminated: true, truncated: false });
    expect(() => walk.step(1)).toThrow(/has ended/);
    expect(() => walk.step(9)).toThrow(UserError);
    walk.reset({ options: { place: 5 } });
    expect(walk.step(1)).toMatchObject({ terminated: false, truncated: true });
    expect(walk.actionSpace).toMatchObject({ kind: 'Discrete', n: 5, start: 1 });
    expect(walk.actionMeanings).toEqual(['NOOP', 'FIRE']);
    expect(walk.render).toBeUndefined();
  });

  it('says what failed in Python, and goes on', () => {
    walk.reset({ seed: 0 });
    expect(() => walk.step(2)).toThrow('python/Walk-v0 failed in Python: ValueError: the walk broke');
    expect(walk.step(1).reward).toBe(1 / 3);
  });

  it('takes arguments, and has pictures where they are asked for', async () => {
    using wide = await make('Walk-v0', { arguments: { kind: 'float64', scale: 0.1 }, render: true });
    wide.reset({ seed: 3 });
    expect(wide.step([0.5, 0.25]).observation).toEqual(Float64Array.of(0.75 * 0.1, 3, 7));
    expect(wide.actionSpace).toMatchObject({ low: Float64Array.of(-1, -Infinity), high: Float64Array.of(1, Infinity) });
    expect(wide.render!()).toEqual({ width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  });

  /** Environments that one process makes one after the other. */
  async function each(
    process: PythonProcess,
    name: string,
    kind: string,
    modules: string[] = [],
  ): Promise<Environment> {
    const request = { name, modules, arguments: kind ? { kind } : {} };
    return PythonEnvironment.make(`python/${name}`, process, 'python3', request);
  }

  it('has every kind of space that is numbers, and says in a sentence what is missing or none', async () => {
    using process = await start();
    const seen = async (kind: string) => {
      const environment = await each(process, 'Walk-v0', kind);
      environment.reset({ seed: 9 });
      return [environment.step(1).observation, environment.observationSpace.kind];
    };
    expect(await seen('number')).toEqual([1, 'Discrete']);
    expect(await seen('tuple')).toEqual([Float32Array.of(1, 2), 'MultiDiscrete']);
    expect(await seen('uint8')).toEqual([Uint8Array.of(1, 9, 7), 'Box']);
    const refused = (...given: [name: string, kind: string, modules?: string[]]) =>
      expect(each(process, ...given)).rejects;
    await refused('Walk-v0', 'dict').toThrow(
      /its observation space is Dict\('x': Discrete\(2\)\), which is neither a Discrete.*\n.*FlattenObservation/,
    );
    await refused('Absent-v0', '').toThrow(/Gymnasium has no environment "Absent-v0": Environment Absent/);
    await refused('Poor-v0', '').toThrow(/does not load in Python "python3": box2d is not installed/);
    await refused('Walk-v0', '', ['not_there']).toThrow(/it has no module not_there/);
    await refused('ALE/Pong-v5', '').toThrow(/it has no module ale_py/);
  });

  it('says in a sentence that there is no Python, no Gymnasium, no such option', async () => {
    const absent = { python: '/nonexistent/python3' };
    await expect(make('Walk-v0', absent)).rejects.toThrow(
      /there is no program "\/nonexistent\/python3"\n.*TSUMUGI_PYTHON/,
    );
    await expect(make('Walk-v0', { speed: 1 })).rejects.toThrow(/no option "speed"/);
    Object.assign(process.env, { PYTHONPATH: '' });
    try {
      if (!runs('python3', 'import gymnasium'))
        await expect(make('Walk-v0')).rejects.toThrow(/has not installed\n.*python3 -m pip install gymnasium/);
    } finally {
      Object.assign(process.env, { PYTHONPATH: folder });
    }
  });

  it.each<[number, RegExp, object]>([
    [3, /the Python process of python\/Walk-v0 is gone: it was ended by SIGKILL/, {}],
    [5, /is gone: it ended with exit code 7/, {}],
    [4, /has not answered for 0.3 s/, { timeoutSeconds: 0.3 }],
  ])('does not wait for a process that is gone or silent (%i)', async (action, message, options) => {
    using doomed = await make('Walk-v0', options);
    doomed.reset({ seed: 0 });
    const step = () => doomed.step(action);
    expect(step).toThrow(message);
    expect(step).toThrow(message);
    expect(step).toThrow(TsumugiError);
  });

  it('refuses another version of the protocol, and what is no answer', async () => {
    const send = (text: string) =>
      `import struct, sys, time\nt = b'${text}'\nsys.stdout.buffer.write(b'TSU1' + struct.pack('<II', len(t), 0) + t)\nsys.stdout.flush()\ntime.sleep(9)`;
    await expect(start(send('{"protocol": 99}'))).rejects.toThrow(
      /speaks version 99 of the protocol, this tsumugi version 1/,
    );
    await expect(start(send('{"protocol"'))).rejects.toThrow(/wrote what is no answer: "{\\"protocol\\""/);
    await expect(start('print("hello, I am a banner")')).rejects.toThrow(/wrote what is no answer: "hello, I am/);
    await expect(start('raise SystemExit("no luck")')).rejects.toThrow(/it ended with exit code 1 \(no luck\)/);
  });

  it('closes its environment, and takes no step after that', async () => {
    rmSync(closed, { force: true });
    const environment = await make('Walk-v0');
    environment.reset();
    environment[Symbol.dispose]();
    environment[Symbol.dispose]();
    expect(existsSync(closed) && readFileSync(closed, 'utf8')).toBe('closed');
    expect(() => environment.step(1)).toThrow(/disposed of/);
  });

  it('is one of many over threads, each with a process of its own', async () => {
    using vector = await makeVectorEnvironment('python/Walk-v0', 2, { workers: 2 });
    expect(vector.reset({ seed: 5 })).toEqual([Float32Array.of(0, 5, 7), Float32Array.of(0, 6, 7)]);
    expect(vector.step([1, 1]).observations).toEqual([Float32Array.of(3, 5, 7), Float32Array.of(1, 6, 7)]);
    expect(() => vector.step([1, 3])).toThrow(/environment 1 of python\/Walk-v0: .* SIGKILL/);
  });
});

describe('Gymnasium itself', requires(hasGymnasium, 'Gymnasium in the Python of TSUMUGI_PYTHON'), () => {
  it.each([
    'CartPole-v1',
    'MountainCar-v0',
    'MountainCarContinuous-v0',
    'Acrobot-v1',
    'Pendulum-v1',
    'FrozenLake-v1',
    'CliffWalking-v1',
    'Taxi-v4',
    'Blackjack-v1',
  ])('%s goes the same way here and there for 300 steps from the same seeds', async (id) => {
    using own = await makeEnvironment(id);
    using python = await makeEnvironment(`python/${id}`);
    expect(String(python.actionSpace)).toBe(String(own.actionSpace));
    expect(python.observationSpace.kind).toBe(own.observationSpace.kind);
    expect(worstDifference(own, python, 300)).toBeLessThan(1e-5);
  });
});

/** The largest difference of two environments' observations and rewards, over episodes from the same seeds. */
function worstDifference(one: Environment, other: Environment, steps: number): number {
  let seed = 0;
  let worst = 0;
  const compare = (a: unknown, b: unknown) => {
    const [x, y] = [a, b].map((value) => (typeof value === 'number' ? [value] : Array.from(value as Float32Array)));
    expect(x!.length).toBe(y!.length);
    for (const [i, value] of x!.entries()) worst = Math.max(worst, Math.abs(value - y![i]!));
  };
  const begin = () => {
    compare(one.reset({ seed }).observation, other.reset({ seed }).observation);
    seed++;
  };
  begin();
  for (let t = 0; t < steps; t++) {
    const space = one.actionSpace as { n?: number };
    const action =
      space.n === undefined
        ? [2 * Math.sin(t)].map((x) => Math.max(-0.99, Math.min(0.99, x)))
        : (t * t + 3 * seed) % space.n;
    const [a, b] = [one.step(action), other.step(action)];
    compare(a.observation, b.observation);
    compare(a.reward, b.reward);
    expect([a.terminated, a.truncated]).toEqual([b.terminated, b.truncated]);
    if (a.terminated || a.truncated) begin();
  }
  return worst;
}
