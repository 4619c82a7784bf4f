// RMSNorm: the kernel against its plain twin, gradients, strided rows, and independence of the number of threads.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../base/index.ts';
import { backward, grad, kernelTakes, Rng, randn, scope, tensor } from '../../torch/index.ts';
import { gradcheck } from '../gradcheck.ts';
import { rmsNorm, rmsNormAdd, rmsNormPlain } from './rms-norm.ts';
import { expectThreadIndependent, expectTwins } from './twins.testing.ts';

const options = { offset: 0.2, eps: 1e-6 };

describe('rmsNorm', () => {
  it('divides by the root of the mean square and multiplies by offset + weight', () => {
    scope(() => {
      const y = rmsNorm(tensor([3, 4]), tensor([0, 1]), { offset: 1, eps: 0 }).data();
      expect(y[0]).toBeCloseTo(3 / Math.sqrt(12.5), 6);
      expect(y[1]).toBeCloseTo(8 / Math.sqrt(12.5), 6);
    });
  });

  it.each([[[1, 5]], [[3, 7, 64]], [[200, 33]], [[2, 300, 384]], [[5, 0, 8]]])(
    'equals its plain twin for x %j',
    (shape) => {
      scope(() => {
        const random = new Rng(1);
        const D = shape.at(-1)!;
        const inputs = [randn(shape, random), randn([D], random), randn(shape, random)];
        for (const input of inputs) input.requiresGrad_();
        expect(kernelTakes('tsumugi::rms_norm', ...inputs)).toBe(true);
        expectTwins(
          (x, w) => rmsNorm(x!, w!, options),
          (x, w) => rmsNormPlain(x!, w!, options),
          inputs.slice(0, 2),
        );
        expectTwins(
          (x, w, residual) => rmsNormAdd(residual!, x!, w!, options),
          (x, w, residual) => residual!.add(rmsNormPlain(x!, w!, options)),
          inputs,
        );
      });
    },
  );

  it('takes rows that lie apart', () => {
    scope(() => {
      const random = new Rng(2);
      const wide = randn([4, 9, 50], random).requiresGrad_();
      const weight = randn([20], random).requiresGrad_();
      for (const slice of [
        (x: typeof wide) => x.narrow(2, 7, 20),
        (x: typeof wide) => x.narrow(1, 2, 5).narrow(2, 7, 20),
      ])
        expectTwins(
          (x, w) => rmsNorm(slice(x!), w!, options),
          (x, w) => rmsNormPlain(slice(x!), w!, options),
          [wide, weight],
        );
      expectTwins(
        (x, w) => rmsNorm(x!.transpose(0, 2), w!, options),
        (x, w) => rmsNormPlain(x!.transpose(0, 2), w!, options),
        [randn([20, 6, 3], random).requiresGrad_(), weight],
      );
    });
  });

  it('has the right gradients', () => {
    scope(() => {
      const random = new Rng(3);
      const [x, w, residual] = [[3, 2, 5], [5], [3, 2, 5]].map((shape) =>
        randn(shape, random, { dtype: 'float64' }).requiresGrad_(),
      ) as [ReturnType<typeof randn>, ReturnType<typeof randn>, ReturnType<typeof randn>];
      gradcheck((x, w) => rmsNorm(x!, w!, options), [x, w]);
      gradcheck((x, w, r) => rmsNormAdd(r!, x!, w!, options), [x, w, residual]);
      gradcheck((x, w) => rmsNormPlain(x!, w!, options), [x, w]);
    });
  });

  it('does not depend on the number of threads', () => {
    scope(() => {
      const random = new Rng(4);
      const inputs = [randn([700, 96], random).requiresGrad_(), randn([96], random).requiresGrad_()];
      expectThreadIndependent((x, w) => rmsNorm(x!, w!, options), inputs);
    });
  });

  it('gives NaN for NaN, and only in that row', () => {
    scope(() => {
      const y = rmsNorm(tensor([[1, Number.NaN], [1, 2]]), tensor([1, 1]), { eps: 1e-6 }).data(); // biome-ignore format: a matrix
      expect([...y].map(Number.isNaN)).toEqual([true, true, false, false]);
    });
  });

  it('refuses what it cannot do', () => {
    scope(() => {
      const random = new Rng(5);
      const x = randn([2, 4], random).requiresGrad_();
      const w = randn([4], random);
      expect(() => rmsNorm(x, randn([5], random), options)).toThrow(ShapeError);
      expect(() => rmsNormAdd(randn([1, 4], random), x, w, options)).toThrow(ShapeError);
      expect(() => grad([rmsNorm(x, w, options).sum()], [x], { createGraph: true })).toThrow(
        /gradient of its gradient/,
      );
    });
  });

  it('leaves out gradients nobody asked for', () => {
    scope(() => {
      const random = new Rng(6);
      const x = randn([2, 4], random).requiresGrad_();
      const w = randn([4], random);
      backward(rmsNorm(x, w, options).sum());
      expect(x.grad!.shape).toEqual([2, 4]);
      expect(w.grad).toBeUndefined();
    });
  });
});
