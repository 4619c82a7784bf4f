// log N: the kernel against its plain twin and against numbers, first and second gradients, a variance that all rows share.
import { describe, expect, it } from 'vitest';
import { expectTwins } from '../../nn/functional/twins.testing.ts';
import { gradcheck } from '../../nn/index.ts';
import { grad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { gaussianLogProbability, gaussianLogProbabilityPlain } from './gaussian-log-probability.ts';

type Inputs = [Tensor, Tensor, Tensor];

function made(shape: readonly number[], dtype: 'float32' | 'float64' = 'float32'): Inputs {
  const rng = new Rng(shape.length);
  const [a, mean, spread] = [0, 1, 2].map(() => randn(shape, rng, { dtype })) as Inputs;
  return [a, mean, spread.exp().detach()].map((each) => each.requiresGrad_()) as Inputs;
}

const call =
  (of: typeof gaussianLogProbability) =>
  (...[a, mean, variance]: Tensor[]) =>
    of(a!, mean!, variance!);
const [fast, plain] = [call(gaussianLogProbability), call(gaussianLogProbabilityPlain)] as const;

describe('gaussianLogProbability', () => {
  it.each([[[6]], [[64, 6]], [[3, 5, 2]], [[0, 4]]])('equals its plain twin for %j', (shape) => {
    scope(() => expectTwins(fast, plain, made(shape)));
  });

  it('takes a variance that all rows share', () => {
    scope(() => {
      const [a, mean] = made([40, 6]);
      const shared = tensor([0.1, 0.2, 0.5, 1, 2, 5]).requiresGrad_();
      const over = (of: typeof fast) => (a: Tensor, mean: Tensor, v: Tensor) => of(a, mean, v.expand([40, 6]));
      expectTwins(over(fast) as typeof fast, over(plain) as typeof plain, [a, mean, shared]);
    });
  });

  it('is the density of the standard normal distribution', () => {
    scope(() => {
      const one = (x: number, mean: number, variance: number) =>
        gaussianLogProbability(tensor([[x]]), tensor([[mean]]), tensor([[variance]])).item();
      expect(Math.exp(one(0, 0, 1))).toBeCloseTo(0.3989423, 6);
      expect(Math.exp(one(3, 1, 4))).toBeCloseTo(0.1209854, 6);
    });
  });

  it('has the right gradients, and gradients of gradients', () => {
    scope(() => {
      const inputs = made([4, 3], 'float64');
      gradcheck(fast, inputs);
      const gradients =
        (of: typeof fast) =>
        (...all: Tensor[]) =>
          grad(
            [
              of(...all)
                .square()
                .sum(),
            ],
            all,
            { createGraph: true },
          ) as Tensor[];
      expectTwins(gradients(fast), gradients(plain), inputs, 1e-12);
    });
  });
});
