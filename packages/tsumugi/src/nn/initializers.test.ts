// Initializers: moments, bounds, orthogonality, and the same numbers from the same stream.
import { describe, expect, it } from 'vitest';
import { empty, eye, Rng, scope, type Tensor } from '../torch/index.ts';
import {
  constant,
  fans,
  gains,
  type Initializer,
  initialize,
  kaimingNormal,
  kaimingUniform,
  lecunNormal,
  normal,
  orthogonal,
  truncatedNormal,
  uniform,
  xavierNormal,
  xavierUniform,
  zerosInit,
} from './initializers.ts';
import { expectClose } from './nn.testing.ts';

const fill = (shape: number[], init: Initializer, seed = 1): Tensor => initialize(empty(shape), init, new Rng(seed));
const std = (tensor: Tensor) => tensor.std().item();
const range = (tensor: Tensor) => [tensor.min().item(), tensor.max().item()] as [number, number];

describe('initializers', () => {
  it('computes fans with taps, and refuses vectors', () => {
    expect(fans([8, 3])).toEqual({ fanIn: 3, fanOut: 8 });
    expect(fans([8, 3, 5, 2])).toEqual({ fanIn: 30, fanOut: 80 });
    expect(() => fans([8])).toThrow(/\[8\]/);
  });

  it('has the moments it promises', () => {
    scope(() => {
      const shape = [200, 100, 3]; // fanIn 300, fanOut 600
      const expected: [Initializer, number, number | undefined][] = [
        [normal({ std: 0.02 }), 0.02, undefined],
        [uniform({ low: -2, high: 2 }), 2 / Math.sqrt(3), 2],
        [xavierUniform(), Math.sqrt(2 / 900), Math.sqrt(6 / 900)],
        [xavierNormal({ gain: 2 }), 2 * Math.sqrt(2 / 900), undefined],
        [kaimingUniform(), Math.sqrt(2 / 300), Math.sqrt(6 / 300)],
        [kaimingNormal({ gain: gains.leakyRelu(1), fan: 'fanOut' }), Math.sqrt(1 / 600), undefined],
        [lecunNormal(), Math.sqrt(1 / 300), undefined],
      ];
      for (const [init, deviation, bound] of expected) {
        const filled = fill(shape, init);
        expect(Math.abs(filled.mean().item())).toBeLessThan(0.02 * deviation);
        expect(std(filled) / deviation).toBeCloseTo(1, 1.7);
        if (bound === undefined) continue;
        const [low, high] = range(filled);
        expect(high).toBeLessThanOrEqual(bound);
        expect(low).toBeGreaterThanOrEqual(-bound);
        expect(high - low).toBeGreaterThan(1.99 * bound);
      }
      expect(range(fill(shape, zerosInit()))).toEqual([0, 0]);
      expect(range(fill([5], constant(0.5)))).toEqual([0.5, 0.5]);
    });
  });

  it('truncates a normal without piling values up at the bounds', () => {
    scope(() => {
      const drawn = fill([100_000], truncatedNormal({ mean: 1, std: 0.5, cut: 2 }));
      const [low, high] = range(drawn);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(2);
      expect(drawn.mean().item()).toBeCloseTo(1, 2);
      // Standard deviation of N(0, 1) cut at ±2: √(1 − 2·2φ(2)/(2Φ(2) − 1)) = 0.8796.
      expect(std(drawn)).toBeCloseTo(0.5 * 0.8796, 2);
      // P(|x| > 1.9σ given |x| < 2σ) = 2(Φ(2) − Φ(1.9))/(2Φ(2) − 1) = 0.01251
      const outer = drawn.sub(1).abs().gt(0.95).to('float32').mean().item();
      expect(outer).toBeGreaterThan(0.0105);
      expect(outer).toBeLessThan(0.0145);
    });
  });

  it('makes orthogonal rows or columns, whichever are fewer', () => {
    scope(() => {
      const tall = fill([6, 4], orthogonal({ gain: 2 }));
      expectClose(tall.t().matmul(tall), eye(4).mul(4), 1e-5);
      const wide = fill([4, 3, 2], orthogonal()).reshape([4, 6]);
      expectClose(wide.matmul(wide.t()), eye(4), 1e-5);
    });
  });

  it('draws from the given stream only', () => {
    scope(() => {
      for (const init of [normal(), truncatedNormal(), orthogonal(), kaimingUniform()]) {
        expect(fill([3, 4], init, 7).tolist()).toEqual(fill([3, 4], init, 7).tolist());
        expect(fill([3, 4], init, 7).tolist()).not.toEqual(fill([3, 4], init, 8).tolist());
      }
    });
  });
});
