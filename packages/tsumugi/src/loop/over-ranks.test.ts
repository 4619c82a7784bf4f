// What one rank says and hears where ranks agree: to stop, to go on, what is wrong and with whom.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, noteSignal, signalExitCode, UserError } from '../base/index.ts';
import { thrown } from '../base/thrown.testing.ts';
import { type StepExchange, solo } from '../mesh/index.ts';
import { toldMesh } from '../mesh/told-mesh.testing.ts';
import { Module, parameter } from '../nn/index.ts';
import { SGD } from '../optim/index.ts';
import type { Interrupt, RunFolder } from '../run/index.ts';
import { ones, scope, tensor } from '../torch/index.ts';
import { agreedPause } from './agreed-pause.ts';
import { requireAlike } from './alike.ts';
import { gradientStep } from './gradient-step.ts';
import { latestOverRanks, onFirst, tellingOthers } from './over-ranks.ts';
import { SharedGradients } from './shared-gradients.ts';
import { findTogether } from './writers.ts';

describe('a pause', () => {
  const interrupt = (isAsked: boolean) => ({ poll: async () => isAsked }) as Interrupt;
  const most = (asked: number) => ({ reduced: () => tensor([asked], { dtype: 'float64' }) });

  it('stops every rank when any was asked to, with a code that says so', async () => {
    onTestFinished(() => noteSignal(undefined));
    for (const rank of [0, 1]) {
      noteSignal(undefined);
      await expect(agreedPause(toldMesh(rank, 2, most(0)), interrupt(false))()).resolves.toBeUndefined();
      expect(signalExitCode()).toBe(0);
      await expect(agreedPause(toldMesh(rank, 2, most(1)), interrupt(false))()).rejects.toThrow(
        'a signal asked to end',
      );
      expect(signalExitCode()).toBe(143);
      // Whoever got the signal ends as that one asks.
      noteSignal('SIGINT');
      await expect(agreedPause(toldMesh(rank, 2, most(1)), interrupt(true))()).rejects.toThrow('a signal asked to end');
      expect(signalExitCode()).toBe(130);
    }
  });
});

describe('ranks have to be alike', () => {
  const inputs = { data: { path: '/a/data', sha256: 'a'.repeat(64), bytes: 1, written: null } };
  const settings = { learningRate: 0.1, data: '/a/data' };
  const like = { settings: { learningRate: 0.1 }, inputs: { kind: 'sft', data: 'a'.repeat(12) } };

  it.each([
    ['settings', { ...like, settings: { learningRate: 0.2 } }, /: learningRate 0\.1 → 0\.2$/],
    ['data', { ...like, inputs: { ...like.inputs, data: 'b'.repeat(12) } }, /: data "a{12}" → "b{12}"$/],
    ['a kind of training', { ...like, inputs: { ...like.inputs, kind: 'dpo' } }, /: kind "sft" → "dpo"/],
  ])('the first that has other %s is named, with its host', (_, other, message) => {
    for (const rank of [0, 1]) {
      const first = toldMesh(rank, 4, { json: (each) => (each < 2 ? like : other) });
      if (rank === 0) requireAlike(toldMesh(0, 2), 'sft', settings, inputs);
      const { fault } = thrown(ConfigError, () => requireAlike(first, 'sft', settings, inputs));
      expect(fault).toMatch(/^rank 2 on host2 has other settings or data than rank 0 on host0: /);
      expect(fault).toMatch(message);
    }
  });
});

describe('of gradients of which each rank has a part', () => {
  class Two extends Module {
    readonly a = parameter(ones([4]));
    readonly b = parameter(ones([2]));
  }
  const cut = (model: Two) => {
    const values = [scope(() => ones([2]).keep()), scope(() => ones([0]).keep())];
    scope(() => {
      values[0]!.grad = tensor([3, 4]);
    });
    const pieces = [model.a, model.b].map((parameter, i) => ({ parameter, from: 0, values: values[i]! }));
    return { exchange: { pieces, hasWholeGradients: false } as unknown as StepExchange, values };
  };

  it('the norm is that of all parts, and what is not finite is found on any rank', () => {
    using model = new Two();
    const { exchange, values } = cut(model);
    // The other ranks have squares of 11, and two NaN in the gradient of b.
    const reduced = toldMesh(1, 2, {
      reduced: (own) => (own.numel() === 1 ? own.add(11) : tensor([0, 0, 0, 0, 0, 0, 2, 1], { dtype: 'float64' })),
    });
    const shared = new SharedGradients(exchange, reduced);
    expect(shared.norm([model.a, model.b])).toBe(6);
    expect(shared.has(model.a)).toBe(true);
    expect(shared.has(model.b)).toBe(false);
    expect(shared.diagnose(model)).toEqual({ culprits: [{ kind: 'gradient', name: 'b', nan: 2, infinite: 1 }] });
    values[0]!.grad = undefined;
    for (const each of values) each.dispose();
  });
});

describe('a mistake', () => {
  const told = { code: 'full', fault: 'the disk of another is full', remedy: 'Make room.' };

  it('that one rank finds is thrown by all', () => {
    const others = toldMesh(0, 3, { json: (each) => (each === 2 ? told : null) });
    const error = thrown(UserError, () => findTogether(others, () => 5));
    expect(error).toMatchObject(told);
    expect(findTogether(toldMesh(0, 3), () => 5)).toBe(5);
    expect(findTogether(solo, () => 5)).toBe(5);
    // A bug is thrown where it is found, before the others are asked anything.
    expect(() => findTogether(others, () => { throw new TypeError('a bug'); })).toThrow(TypeError); // biome-ignore format: one line
    expect(others.talks).toBe(2);
    const own = new UserError('own', 'its own', {});
    expect(thrown(UserError, () => findTogether(others, () => { throw own; }))).toBe(own); // biome-ignore format: one line
  });

  it('that ends a rank is told to the others, and thrown', async () => {
    const given: string[] = [];
    const mesh = { ...toldMesh(0, 2), giveUp: (reason: string) => void given.push(reason) };
    await expect(tellingOthers(mesh, async () => { throw new UserError('x', 'no room', { remedy: 'y' }); })).rejects.toThrow('no room'); // biome-ignore format: one line
    await expect(tellingOthers(mesh, async () => { throw new TypeError('a bug'); })).rejects.toThrow('a bug'); // biome-ignore format: one line
    expect(await tellingOthers(mesh, async () => 7)).toBe(7);
    expect(given).toEqual(['no room', 'a bug']);
  });
});

it('what the first makes is made by it alone, and waited for by all', () => {
  for (const rank of [0, 1]) {
    const mesh = toldMesh(rank, 2);
    const heard: number[] = [];
    onFirst(mesh, () => void heard.push(mesh.talks));
    expect(heard).toEqual(rank === 0 ? [0] : []);
    expect(mesh.talks).toBeGreaterThan(0);
  }
});

it('ranks that find other checkpoints are refused', () => {
  const checkpoints = mkdtempSync(join(tmpdir(), 'tsumugi-over-ranks-'));
  onTestFinished(() => rmSync(checkpoints, { recursive: true }));
  const run = { checkpoints } as RunFolder;
  expect(latestOverRanks(toldMesh(0, 2), run)).toBeUndefined();
  const mesh = toldMesh(0, 3, { json: (each) => (each === 2 ? 10 : null) });
  expect(thrown(UserError, () => latestOverRanks(mesh, run)).fault).toMatch(
    /^rank 0 on host0 finds no checkpoint in .*, and rank 2 on host2 finds the checkpoint of step 10 as the newest$/,
  );
});

it('a step tells the slow rank, and its share of what the ranks could compute', () => {
  using model = new (class extends Module {
    readonly w = parameter(ones([2]));
  })();
  using optimizer = new SGD(model, { weightDecay: 0 });
  const taken = gradientStep({
    model,
    optimizer,
    learningRate: 1,
    schedule: () => 1,
    clipNorm: 1,
    mesh: toldMesh(0, 4),
    peakFlops: 1e9,
    gradients() {
      scope(() => {
        model.w.grad = ones([2]);
      });
      return { loss: 1, tokens: 10, flops: 1e6, metrics: {}, rankSeconds: [1, 1, 3, 1] };
    },
  })(0, 0);
  optimizer.zeroGrad();
  expect(taken.progress.note).toMatch(/^MFU \d+ % {2}rank 2 on host2 is slow \(3\.00 s, others 1\.00 s\)$/);
  const seconds = 10 / taken.event!.tokensPerSecond!;
  expect(taken.event!.mfu! * seconds).toBeCloseTo(1e6 / 4e9, 9);
});
