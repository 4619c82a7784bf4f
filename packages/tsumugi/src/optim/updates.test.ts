// The fused updates against their plain twins, on odd sizes and layouts, and the same bits for 1 and 2 threads.
import { describe, expect, it } from 'vitest';
import { NativeError } from '../base/index.ts';
import {
  backward,
  type DType,
  noGrad,
  numThreads,
  Rng,
  rand,
  randn,
  scope,
  setThreads,
  type Tensor,
  zeros,
} from '../torch/index.ts';
import { globalNorm, globalNormPlain } from './clip.ts';
import { adamUpdate, isFusable, rmspropUpdate, sgdUpdate, type Update } from './updates.ts';

const common = { scale: 0.7, step: 0.01 };
const adam = { ...common, beta1: 0.9, beta2: 0.95, rootScale: 1.3, eps: 1e-6 };
const sgd = { ...common, l2: 0.1, decay: 0.99 };
const rms = { ...common, l2: 0, decay: 1, alpha: 0.9, epsInside: 0, epsOutside: 1e-3 };
type Case = [name: string, kinds: number, fused: Update<never>, plain: Update<never>, scalars: object];
const make = (name: string, kinds: number, rule: { fused: unknown; plain: unknown }, scalars: object): Case => [
  name,
  kinds,
  rule.fused as Update<never>,
  rule.plain as Update<never>,
  scalars,
];
const cases: Case[] = [
  make('AdamW', 2, adamUpdate, { ...adam, l2: 0, decay: 0.999 }),
  make('Adam', 2, adamUpdate, { ...adam, l2: 0.1, decay: 1 }),
  make('SGD', 0, sgdUpdate, { ...sgd, momentum: 0, nesterov: false }),
  make('SGD with momentum', 1, sgdUpdate, { ...sgd, momentum: 0.9, nesterov: false }),
  make('SGD with Nesterov', 1, sgdUpdate, { ...sgd, momentum: 0.9, nesterov: true }),
  make('RMSprop', 1, rmspropUpdate, { ...rms, momentum: 0, centered: false }),
  make('RMSprop, eps inside, L2', 1, rmspropUpdate, {
    ...rms,
    l2: 0.1,
    epsInside: 1e-3,
    epsOutside: 0,
    momentum: 0,
    centered: false,
  }),
  make('RMSprop centred', 2, rmspropUpdate, { ...rms, momentum: 0, centered: true }),
  make('RMSprop with momentum', 2, rmspropUpdate, { ...rms, momentum: 0.9, centered: false }),
  make('RMSprop centred with momentum', 3, rmspropUpdate, { ...rms, momentum: 0.9, centered: true }),
];

const shapes = [[1], [7, 3], [], [0], [33], [257, 129], [100_003], [2, 3, 5]];

/** Runs three updates from one seed and returns every tensor touched. */
function run(update: Update<never>, kinds: number, scalars: object, dtype: DType): Tensor[] {
  const random = new Rng(4);
  const parameters = shapes.map((shape) => randn(shape, random, { dtype }));
  const state = Array.from({ length: kinds }, () => shapes.map((shape) => zeros(shape, { dtype })));
  for (let step = 0; step < 3; step++) {
    const gradients = shapes.map((shape) => randn(shape, random, { dtype }));
    noGrad(() => update(parameters, gradients, state, scalars as never));
  }
  return [...parameters, ...state.flat()];
}

describe.each(cases)('%s', (_, kinds, fused, plain, scalars) => {
  it.each([['float32', 3e-6] as const, ['float64', 1e-14] as const])('equals its twin in %s', (dtype, tolerance) => {
    scope(() => {
      const a = run(fused, kinds, scalars, dtype);
      const b = run(plain, kinds, scalars, dtype);
      a.forEach((tensor, i) => {
        if (tensor.numel() === 0) return;
        const difference = tensor.sub(b[i]!).abs().max().item();
        expect(difference).toBeLessThanOrEqual(tolerance * Math.max(1, b[i]!.abs().max().item()));
      });
    });
  });

  it('gives the same bits with 1 and 2 threads', () => {
    scope(() => {
      const before = numThreads();
      const results = [1, 2, 3].map((threads) => {
        setThreads(threads);
        return run(fused, kinds, scalars, 'float32').map((tensor) => tensor.bytes());
      });
      setThreads(before);
      for (const other of results.slice(1))
        expect(other.map((bytes, i) => Buffer.compare(bytes, results[0]![i]!))).toEqual(other.map(() => 0));
    });
  });
});

describe('fused updates', () => {
  const scalars = { ...sgd, momentum: 0, nesterov: false };

  it('are there, for contiguous float tensors on the CPU', () => {
    scope(() => {
      expect(isFusable(zeros([2, 3]))).toBe(true);
      expect(isFusable(zeros([2, 3]).t())).toBe(false);
      expect(isFusable(zeros([2], { dtype: 'bfloat16' }))).toBe(false);
    });
  });

  it('take gradients of any layout', () => {
    scope(() => {
      const gradient = randn([5, 4], new Rng(1));
      const [a, b] = [zeros([4, 5]), zeros([4, 5])];
      noGrad(() => sgdUpdate.fused([a], [gradient.t()], [], scalars));
      noGrad(() => sgdUpdate.fused([b], [gradient.t().contiguous()], [], scalars));
      expect(a.tolist()).toEqual(b.tolist());
    });
  });

  it('refuse lists that do not fit, naming them', () => {
    scope(() => {
      const p = zeros([2, 3]);
      expect(() => sgdUpdate.fused([p], [zeros([3, 2])], [], scalars)).toThrow(
        /gradients\[0\]: expected Float\[2, 3\]/,
      );
      expect(() => sgdUpdate.fused([p], [], [], scalars)).toThrow(/gradients: expected 1 tensors, got 0/);
      expect(() => sgdUpdate.fused([p], [zeros([2, 3], { dtype: 'float64' })], [], scalars)).toThrow(NativeError);
      expect(() => sgdUpdate.fused([p.t()], [zeros([3, 2])], [], scalars)).toThrow(/parameters\[0\] is not contiguous/);
    });
  });

  it('make a backward through an older graph an error, not a wrong gradient', () => {
    scope(() => {
      const p = randn([3], new Rng(1)).requiresGrad_();
      const loss = p.square().sum();
      noGrad(() => sgdUpdate.fused([p], [zeros([3])], [], scalars));
      expect(() => backward(loss)).toThrow(/modified by an inplace operation/);
    });
  });
});

describe('globalNorm', () => {
  it('equals its twin and the formula, and does not depend on the threads', () => {
    scope(() => {
      const random = new Rng(8);
      const list = shapes.map((shape) => rand(shape, random).sub(0.5));
      const sum = list.reduce((total, tensor) => total + tensor.to('float64').square().sum().item(), 0);
      const before = numThreads();
      const norms = [1, 2, 3].map((threads) => {
        setThreads(threads);
        return globalNorm(list);
      });
      setThreads(before);
      expect(Math.abs(norms[0]! / Math.sqrt(sum) - 1)).toBeLessThan(1e-12);
      expect(norms).toEqual([norms[0], norms[0], norms[0]]);
      expect(Math.abs(globalNormPlain(list) / norms[0]! - 1)).toBeLessThan(1e-5);
      expect(globalNorm([])).toBe(0);
    });
  });

  it('does not overflow or hide what is not finite', () => {
    scope(() => {
      expect(globalNorm([zeros([4]).fill_(1e30)])).toBeCloseTo(2e30, -24);
      expect(globalNorm([zeros([4]).fill_(Number.NaN), zeros([2])])).toBeNaN();
      expect(globalNorm([zeros([4]).fill_(Number.POSITIVE_INFINITY)])).toBe(Number.POSITIVE_INFINITY);
    });
  });
});
