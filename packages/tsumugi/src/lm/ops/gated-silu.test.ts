// The Mamba gate and the three norms of its projection: kernels against plain twins, and gradients.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../base/index.ts';
import { expectThreadIndependent, expectTwins } from '../../nn/functional/twins.testing.ts';
import { gradcheck } from '../../nn/index.ts';
import { Rng, randn, scope } from '../../torch/index.ts';
import { bcdtNorm, bcdtNormPlain } from './bcdt-norm.ts';
import { gatedSilu, gatedSiluPlain } from './gated-silu.ts';

describe('gatedSilu', () => {
  it.each([[[3]], [[2, 5, 7]], [[2, 130, 96]]])('equals its plain twin for %j', (shape) => {
    scope(() => {
      const random = new Rng(1);
      const inputs = [randn(shape, random).requiresGrad_(), randn(shape, random).requiresGrad_()];
      expectTwins(
        (y, z) => gatedSilu(y!, z!),
        (y, z) => gatedSiluPlain(y!, z!),
        inputs,
      );
      expectThreadIndependent((y, z) => gatedSilu(y!, z!), inputs);
    });
  });

  it('takes slices', () => {
    scope(() => {
      const both = randn([3, 8, 20], new Rng(2)).requiresGrad_();
      expectTwins(
        (zy) => gatedSilu(zy!.narrow(2, 10, 10), zy!.narrow(2, 0, 10)),
        (zy) => gatedSiluPlain(zy!.narrow(2, 10, 10), zy!.narrow(2, 0, 10)),
        [both],
      );
    });
  });

  it('has the right gradients', () => {
    scope(() => {
      const random = new Rng(3);
      const inputs = [0, 1].map(() => randn([2, 3, 4], random, { dtype: 'float64' }).requiresGrad_());
      gradcheck((y, z) => gatedSilu(y!, z!), inputs);
      expect(() => gatedSilu(inputs[0]!, randn([1, 3, 4], random, { dtype: 'float64' }))).toThrow(ShapeError);
    });
  });
});

describe('bcdtNorm', () => {
  const eps = 1e-6;

  it.each([
    [[2, 3], 4, 4, 5],
    [[2, 150], 64, 64, 128],
  ])('equals its plain twin for %j tokens, sizes %i %i %i', (tokens, n, n2, r) => {
    scope(() => {
      const random = new Rng(4);
      const inputs = [[...tokens, n + n2 + r], [n], [n2], [r]].map((shape) => randn(shape, random).requiresGrad_());
      expectTwins(
        (x, b, c, dt) => bcdtNorm(x!, b!, c!, dt!, eps),
        (x, b, c, dt) => bcdtNormPlain(x!, b!, c!, dt!, eps),
        inputs,
      );
      expectThreadIndependent((x, b, c, dt) => bcdtNorm(x!, b!, c!, dt!, eps), inputs);
    });
  });

  it('has the right gradients, also when a part is not used', () => {
    scope(() => {
      const random = new Rng(5);
      const inputs = [[2, 2, 11], [3], [3], [5]].map((shape) =>
        randn(shape, random, { dtype: 'float64' }).requiresGrad_(),
      );
      gradcheck((x, b, c, dt) => bcdtNorm(x!, b!, c!, dt!, eps), inputs);
      gradcheck((x, b, c, dt) => bcdtNorm(x!, b!, c!, dt!, eps)[1], inputs);
    });
  });

  it('refuses a projection of another width', () => {
    scope(() => {
      const random = new Rng(6);
      const w = randn([3], random);
      expect(() => bcdtNorm(randn([1, 1, 10], random), w, w, w, eps)).toThrow(/must end in 9/);
    });
  });
});
