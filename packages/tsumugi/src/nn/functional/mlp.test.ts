// Fully connected layers: the kernel against its plain twin, first and second gradients, what is not needed, extremes.
import { describe, expect, it } from 'vitest';
import { backward, grad, noGrad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { gradcheck } from '../gradcheck.ts';
import { type AffineMap, type MlpActivation, mlp, mlpPlain } from './mlp.ts';
import { expectThreadIndependent, expectTwins, relativeError } from './twins.testing.ts';

/** Of the layers, and of the last of them. */
const activations = [
  ['relu', 'relu'],
  ['tanh', 'tanh'],
  ['none', 'none'],
  ['relu', 'none'],
  ['tanh', 'relu'],
] as const;

/** x, then weights and biases in turn. */
function made(rows: number, sizes: readonly number[], dtype: 'float32' | 'float64' = 'float32'): Tensor[] {
  const rng = new Rng(rows);
  // Weights as networks have them: what a layer gives is about as large as what it takes.
  const draw = (share: number, ...shape: number[]) => randn(shape, rng, { dtype }).mul(share).detach().requiresGrad_();
  const layers = sizes.slice(1).flatMap((size, l) => [draw(sizes[l]! ** -0.5, size, sizes[l]!), draw(1, size)]);
  return [draw(1, rows, sizes[0]!), ...layers];
}

const layersOf = (rest: readonly Tensor[]): AffineMap[] =>
  Array.from({ length: rest.length / 2 }, (_, l) => ({ weight: rest[2 * l]!, bias: rest[2 * l + 1]! }));

const call =
  (of: typeof mlp, activation: MlpActivation, last: MlpActivation) =>
  (...[x, ...rest]: Tensor[]) =>
    of(x!, layersOf(rest), activation, last);

describe.each(activations)('mlp with %s, and %s last', (activation, last) => {
  const [fast, plain] = [call(mlp, activation, last), call(mlpPlain, activation, last)] as const;

  it.each([
    [1, [4, 5]],
    [1, [17, 64, 64]],
    [3, [1, 1, 1]],
    [128, [4, 120, 84]],
    [70, [7, 33, 20, 9]],
    [0, [4, 8]],
  ])('equals its plain twin for %i rows of %j', (rows, sizes) => {
    scope(() => expectTwins(fast, plain, made(rows, sizes)));
  });

  it('has the right gradients, and gradients of gradients', () => {
    scope(() => {
      const inputs = made(5, [3, 4, 2], 'float64');
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
      // An input that is made of another.
      const [x, weight, bias] = made(5, [4, 4], 'float64') as [Tensor, Tensor, Tensor];
      const again =
        (of: typeof fast) =>
        (...[x, weight, bias]: Tensor[]) =>
          gradients((...all) => of(of(...all), weight!, bias!))(x!, weight!, bias!);
      expectTwins(again(fast), again(plain), [x, weight, bias], 1e-12);
    });
  });

  it('gives one row what it gives it among others', () => {
    scope(() => {
      const [x, ...rest] = made(6, [9, 40, 30]) as [Tensor, ...Tensor[]];
      const all = fast(x, ...rest);
      for (let i = 0; i < 6; i++)
        expect(relativeError(fast(x.narrow(0, i, 1), ...rest), all.narrow(0, i, 1))).toBeLessThan(1e-6);
    });
  });

  it('gives the gradients that are asked for alone, and leaves the one that comes in as it is', () => {
    scope(() => {
      const inputs = made(8, [4, 6, 5, 3]);
      const whole = grad(
        [
          fast(...inputs)
            .square()
            .sum(),
        ],
        inputs,
      ) as Tensor[];
      inputs.forEach((input, i) => {
        const [alone] = grad(
          [
            fast(...inputs)
              .square()
              .sum(),
          ],
          [input],
        ) as [Tensor];
        expect(alone.tolist(), `input ${i}`).toEqual(whole[i]!.tolist());
      });
      const incoming = randn([8, 3], new Rng(9));
      const before = incoming.tolist();
      backward(fast(...inputs), { gradient: incoming });
      expect(incoming.tolist()).toEqual(before);
    });
  });

  it('records nothing without gradients', () => {
    scope(() => noGrad(() => expect(fast(...made(4, [3, 2])).requiresGrad).toBe(false)));
  });

  it('has the same bits on any number of threads', () => {
    scope(() => expectThreadIndependent((x) => fast(x!, ...made(1, [8, 16, 8]).slice(1)), [made(300, [8])[0]!]));
  });

  it('passes NaN on', () => {
    scope(() => {
      const [, ...rest] = made(1, [2, 3]);
      expect((fast(tensor([[Number.NaN, 1]]), ...rest).data() as Float32Array).every(Number.isNaN)).toBe(true);
    });
  });
});

describe('tanh of the kernel', () => {
  it('is within three units in the last place, from the smallest to the largest', () => {
    scope(() => {
      const one = [{ weight: tensor([[1]]), bias: tensor([0]) }];
      const values = [1e-30, 1e-8, 1e-3, 0.1, 0.3, 0.6, 0.624, 0.625, 0.626, 0.7, 1, 2, 5, 8, 9, 10, 50, 1e6, Infinity];
      const all = Float32Array.from([0, ...values, ...values.map((x) => -x)]);
      const y = mlp(tensor(all, { shape: [all.length, 1] }), one, 'tanh').data() as Float32Array;
      y.forEach((got, i) => {
        const exact = Math.tanh(all[i]!);
        expect(Math.abs(got - exact), `tanh ${all[i]}`).toBeLessThanOrEqual(3 * 2 ** -24 * Math.abs(exact));
      });
    });
  });
});
