// SwiGLU: the kernel against its plain twin, gradients, extreme gates.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../base/index.ts';
import { Rng, randn, scope, tensor } from '../../torch/index.ts';
import { gradcheck } from '../gradcheck.ts';
import { swiglu, swigluPlain } from './swiglu.ts';
import { expectThreadIndependent, expectTwins } from './twins.testing.ts';

describe('swiglu', () => {
  it.each([[[2]], [[5, 34]], [[3, 41, 256]], [[2, 0, 8]]])('equals its plain twin for %j', (shape) => {
    scope(() => {
      const x = randn(shape, new Rng(1)).mul(3).detach().requiresGrad_();
      expectTwins(
        (x) => swiglu(x!),
        (x) => swigluPlain(x!),
        [x],
      );
    });
  });

  it('takes rows that lie apart', () => {
    scope(() => {
      const x = randn([6, 5, 40], new Rng(2)).requiresGrad_();
      expectTwins(
        (x) => swiglu(x!.narrow(2, 3, 32)),
        (x) => swigluPlain(x!.narrow(2, 3, 32)),
        [x],
      );
    });
  });

  it('has the right gradients, on any number of threads', () => {
    scope(() => {
      gradcheck((x) => swiglu(x!), [randn([3, 2, 6], new Rng(3), { dtype: 'float64' }).requiresGrad_()]);
      expectThreadIndependent((x) => swiglu(x!), [randn([300, 128], new Rng(4)).requiresGrad_()]);
    });
  });

  it('saturates without overflow', () => {
    scope(() => {
      const y = swiglu(tensor([[-1e4, -90, -80, 90, 1e4, 1, 1, 1, 1, 1]])).data() as Float32Array;
      expect([...y.slice(0, 2)].map((value) => Math.abs(value))).toEqual([0, 0]);
      expect(y[2]! / (-80 * Math.exp(-80))).toBeCloseTo(1, 4);
      expect([...y.slice(3)]).toEqual([90, 1e4]);
    });
  });

  it('refuses an odd width', () => {
    scope(() => expect(() => swiglu(randn([2, 5], new Rng(5)))).toThrow(ShapeError));
  });
});
