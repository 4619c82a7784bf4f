// PPO's surrogate: the kernel against its plain twin and against numbers, on all sides of the clip; first and second gradients.
import { describe, expect, it } from 'vitest';
import { expectTwins } from '../../nn/functional/twins.testing.ts';
import { gradcheck } from '../../nn/index.ts';
import { grad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { clippedSurrogate, clippedSurrogatePlain } from './clipped-surrogate.ts';

const call =
  (of: typeof clippedSurrogate) =>
  (...[now, old, advantages]: Tensor[]) =>
    of(now!, old!, advantages!, 0.2);
const [fast, plain] = [call(clippedSurrogate), call(clippedSurrogatePlain)] as const;

describe('clippedSurrogate', () => {
  it('equals its plain twin', () => {
    scope(() => {
      const rng = new Rng(1);
      const [now, old, advantages] = [0, 1, 2].map(() => randn([200], rng)) as [Tensor, Tensor, Tensor];
      expectTwins(fast, plain, [now.mul(0.3).detach().requiresGrad_(), old.mul(0.3), advantages]);
    });
  });

  // ρ = e^(log ρ); what lies beyond the clip counts, and learns, only where that is worse.
  it.each([
    ['within', 1.1, 2, 1.1 * 2, 1.1 * 2],
    ['above, good', 1.5, 2, 1.2 * 2, 0],
    ['above, bad', 1.5, -2, 1.5 * -2, 1.5 * -2],
    ['below, good', 0.5, 2, 0.5 * 2, 0.5 * 2],
    ['below, bad', 0.5, -2, 0.8 * -2, 0],
  ])('%s: ρ = %d, A = %d', (_, ratio, advantage, value, slope) => {
    scope(() => {
      const now = tensor([Math.log(ratio)]).requiresGrad_();
      const result = clippedSurrogate(now, tensor([0]), tensor([advantage]), 0.2);
      expect(result.item()).toBeCloseTo(value, 5);
      result.backward();
      expect(now.grad!.item()).toBeCloseTo(slope, 5);
    });
  });

  it('has the right gradients for everything, and gradients of gradients', () => {
    scope(() => {
      const inputs = [
        [0.01, 0.3, -0.4, 0.5],
        [0, 0, 0, 0.1],
        [1, 2, 3, -1],
      ].map((values) => tensor(values, { dtype: 'float64' }).requiresGrad_());
      gradcheck(fast, inputs);
      const gradients =
        (of: typeof fast) =>
        (...all: Tensor[]) =>
          grad([of(...all)], all.slice(0, 1), { createGraph: true }) as Tensor[];
      expectTwins(
        gradients(fast),
        gradients(plain),
        inputs.map((each, i) => each.detach().requiresGrad_(i === 0)),
        1e-12,
      );
    });
  });

  it('passes NaN on, and an empty batch as the twin does', () => {
    scope(() => {
      expect(fast(tensor([Number.NaN, 0]), tensor([0, 0]), tensor([1, 1])).item()).toBeNaN();
      expect(fast(tensor([]), tensor([]), tensor([])).item()).toBeNaN();
    });
  });
});
