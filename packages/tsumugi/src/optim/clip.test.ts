// Clipping by the global norm.
import { describe, expect, it } from 'vitest';
import { scope, tensor, zeros } from '../torch/index.ts';
import { clipGradNorm, clipScale, gradNorm } from './clip.ts';

describe('clipping', () => {
  it('scales all gradients together when the norm is above, and only then', () => {
    scope(() => {
      const [a, b, c] = [zeros([2]), zeros([1]), zeros([5])].map((p) => p.requiresGrad_());
      a!.grad = tensor([3, 0]);
      b!.grad = tensor([-4]);
      const all = [a!, b!, c!];
      expect(gradNorm(all)).toBe(5);
      expect(clipGradNorm(all, 10)).toBe(5);
      expect(a!.grad!.tolist()).toEqual([3, 0]);
      expect(clipGradNorm(all, 1)).toBe(5);
      expect(gradNorm(all)).toBeCloseTo(1, 5);
      expect(b!.grad!.item()).toBeCloseTo(-0.8, 5);
      expect(c!.grad).toBeUndefined();
    });
  });

  it('takes gradients of several dtypes together', () => {
    scope(() => {
      const [a, b] = [zeros([2]), zeros([1], { dtype: 'float64' })].map((p) => p.requiresGrad_());
      a!.grad = tensor([2, 3]);
      b!.grad = tensor([6], { dtype: 'float64' });
      for (const all of [[a!, b!], [b!, a!]]) expect(gradNorm(all)).toBeCloseTo(7, 12); // biome-ignore format: a list
      expect(clipGradNorm([a!, b!], 3.5)).toBeCloseTo(7, 12);
      expect([...(a!.grad!.tolist() as number[]), b!.grad!.item()].map((g) => Number(g.toFixed(5)))).toEqual([
        1, 1.5, 3,
      ]);
      expect([a!.grad!.dtype, b!.grad!.dtype]).toEqual(['float32', 'float64']);
    });
  });

  it('has no gradients to clip, or a norm that is not a number', () => {
    scope(() => {
      expect(clipGradNorm([zeros([2]).requiresGrad_()], 1)).toBe(0);
      expect(clipScale(0, 1)).toBe(1);
      expect(clipScale(Number.NaN, 1)).toBeNaN();
      expect(clipScale(4, 2)).toBeCloseTo(0.5, 6);
    });
  });
});
