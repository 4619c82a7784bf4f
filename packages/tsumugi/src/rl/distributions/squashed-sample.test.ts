// Draws of squashed normal distributions: the kernel against its plain twin, first and second gradients, and far out.
import { describe, expect, it } from 'vitest';
import { expectTwins } from '../../nn/functional/twins.testing.ts';
import { gradcheck } from '../../nn/index.ts';
import { grad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { squashedSample, squashedSamplePlain } from './squashed-sample.ts';

function made(shape: readonly number[], dtype: 'float32' | 'float64' = 'float32'): Tensor[] {
  const rng = new Rng(shape.length);
  const [mean, spread, noise] = [0, 1, 2].map(() => randn(shape, rng, { dtype })) as [Tensor, Tensor, Tensor];
  return [mean.requiresGrad_(), spread.exp().detach().requiresGrad_(), noise];
}

const call =
  (of: typeof squashedSample) =>
  (...[mean, variance, noise]: Tensor[]) => {
    const { actions, logProbability } = of(mean!, variance!, noise!);
    return [actions, logProbability] as const;
  };
const [fast, plain] = [call(squashedSample), call(squashedSamplePlain)] as const;

describe('squashedSample', () => {
  it.each([[[6]], [[256, 6]], [[3, 5, 2]], [[0, 4]]])('equals its plain twin for %j', (shape) => {
    scope(() => expectTwins(fast, plain, made(shape), 1e-5));
  });

  it('takes a variance that all rows share, and what is asked for alone', () => {
    scope(() => {
      const [mean, , noise] = made([40, 6]) as [Tensor, Tensor, Tensor];
      const shared = tensor([0.1, 0.2, 0.5, 1, 2, 5], { dtype: 'float64' }).requiresGrad_();
      for (const one of [0, 1] as const) {
        const over =
          (of: typeof fast) =>
          (...[mean, v, noise]: Tensor[]) =>
            of(mean!, v!.expand([40, 6]), noise!)[one];
        expectTwins(over(fast), over(plain), [mean.detach().double().requiresGrad_(), shared, noise.double()], 1e-12);
      }
    });
  });

  it('has the right gradients, and gradients of gradients', () => {
    scope(() => {
      const inputs = made([4, 3], 'float64').map((each) => each.detach().requiresGrad_());
      gradcheck((...all) => [...fast(...all)], inputs);
      gradcheck((mean, variance) => [...fast(mean!, variance!, inputs[2]!.detach())], inputs.slice(0, 2));
      const gradients =
        (of: typeof fast) =>
        (...all: Tensor[]) => {
          const [actions, logProbability] = of(...all);
          return grad([actions.square().sum().add(logProbability.square().sum())], all, {
            createGraph: true,
          }) as Tensor[];
        };
      expectTwins(gradients(fast), gradients(plain), inputs, 1e-12);
    });
  });

  it.each([-40, -12, 12, 40])('stays finite where tanh is ±1 in floating point: x = %d', (x) => {
    scope(() => {
      const { actions, logProbability } = squashedSample(tensor([[x]]), tensor([[1]]), tensor([[0]]));
      expect(actions.item()).toBe(Math.sign(x));
      // log N(0) − 2 (log 2 − |x|)
      expect(logProbability.item()).toBeCloseTo(-0.9189385 - 2 * (Math.LN2 - Math.abs(x)), 3);
    });
  });
});
