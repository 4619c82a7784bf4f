// gradcheck accepts right gradients, and catches wrong ones with their place and both values.
import { describe, expect, it } from 'vitest';
import { TsumugiError } from '../base/index.ts';
import { checkpoint, Rng, rand, randn, scope, tensor, withGradient, zeros } from '../torch/index.ts';
import { gradcheck } from './gradcheck.ts';

const leaf = (shape: number[], seed: number) => randn(shape, new Rng(seed), { dtype: 'float64' }).requiresGrad_();

describe('gradcheck', () => {
  it('accepts right gradients, of several inputs and outputs, through checkpoints and views', () => {
    scope(() => {
      const [a, b] = [leaf([2, 3], 1), leaf([3, 2], 2)];
      gradcheck((x, y) => [x.matmul(y).tanh(), x.t().mul(y).exp()], [a, b]);
      gradcheck((x, y) => checkpoint((u, v) => u.matmul(v).sin(), x, y), [a, b]);
    });
  });

  it('names input, index and both values of a wrong gradient', () => {
    scope(() => {
      const [a, b] = [leaf([2, 3], 1), leaf([2, 3], 2)];
      // The true derivative with respect to b is a; one element of it is made wrong by 1 %.
      const wrong = () => {
        const factor = tensor([[1, 1, 1], [1, 1, 1.01]], { dtype: 'float64' }); // biome-ignore format: a matrix
        const product = a.detach().mul(b.detach()).sum();
        return withGradient(product, [a, b], [b.detach(), a.detach().mul(factor)]);
      };
      let error: TsumugiError | undefined;
      try {
        gradcheck(wrong, [a, b], { names: ['a', 'b'] });
      } catch (caught) {
        error = caught as TsumugiError;
      }
      expect(error).toBeInstanceOf(TsumugiError);
      expect(error!.code).toBe('wrong-gradient');
      expect(error!.fields).toMatchObject({ input: 1, name: 'b', index: [1, 2], count: 1 });
      const { analytic, numeric } = error!.fields as { analytic: number; numeric: number };
      expect(analytic / numeric).toBeCloseTo(1.01, 6);
      expect(error!.message).toMatch(/b at \[1, 2\]: analytic -?[\d.e-]+, numeric -?[\d.e-]+/);
    });
  });

  it('catches a gradient that does not arrive at all', () => {
    scope(() => {
      const a = leaf([3], 1);
      expect(() => gradcheck((x) => x.detach().square(), [a])).toThrow(/wrong|differ/);
    });
  });

  it('refuses functions that are not deterministic and inputs that are not float64 leaves', () => {
    scope(() => {
      const a = leaf([3], 1);
      const stream = new Rng(3);
      expect(() => gradcheck((x) => x.mul(rand([3], stream, { dtype: 'float64' })), [a])).toThrow(/different values/);
      expect(() => gradcheck((x) => x, [zeros([2]).requiresGrad_()])).toThrow(/float64 leaf/);
      expect(() => gradcheck((x) => x, [zeros([2], { dtype: 'float64' })])).toThrow(/without gradients/);
    });
  });

  it('leaves values and grad as it found them', () => {
    scope(() => {
      const a = leaf([4], 5);
      a.grad = zeros([4], { dtype: 'float64' });
      const before = a.tolist();
      gradcheck((x) => x.exp(), [a]);
      expect(a.tolist()).toEqual(before);
      expect(a.grad!.tolist()).toEqual([0, 0, 0, 0]);
    });
  });
});
