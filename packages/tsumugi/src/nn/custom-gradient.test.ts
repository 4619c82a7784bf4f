// Functions that bring their own derivative.
import { expect, it } from 'vitest';
import {
  backward,
  checkpoint,
  customGradient,
  grad,
  manualSeed,
  noGrad,
  randn,
  scope,
  type Tensor,
} from '../torch/index.ts';
import { gradcheck } from './index.ts';

const leaf = (...shape: number[]) => randn(shape, { dtype: 'float64' }).requiresGrad_();

/** [a·b, a + b] */
const productAndSum = (a: Tensor, b: Tensor) =>
  customGradient(
    [a, b],
    () => ({ outputs: [a.mul(b), a.add(b)], saved: [a, b] }),
    ([ofProduct, ofSum], saved) => [ofProduct!.mul(saved[1]!).add(ofSum!), ofProduct!.mul(saved[0]!).add(ofSum!)],
  ) as [Tensor, Tensor];

it('has the gradients that it gives', () =>
  scope(() => {
    manualSeed(1);
    gradcheck((a, b) => productAndSum(a.mul(2), b), [leaf(2, 3), leaf(2, 3)]);
    // What nothing depends on has a gradient of zeros.
    gradcheck((a, b) => productAndSum(a, b)[0], [leaf(4), leaf(4)]);
    gradcheck((a, b) => productAndSum(a, b)[1].pow(2), [leaf(4), leaf(4)]);
  }));

it('goes through a checkpointed segment, whose tensors are gone when backward comes', () =>
  scope(() => {
    manualSeed(2);
    gradcheck(
      (a, b) => checkpoint((x, y) => scope(() => productAndSum(x.mul(3), productAndSum(x, y)[0])[0]), a, b),
      [leaf(3), leaf(3)],
    );
  }));

it('saves its own outputs without holding itself', () =>
  scope(() => {
    const x = leaf(2);
    let calls = 0;
    const exponential = (a: Tensor) =>
      customGradient(
        [a],
        () => {
          const y = a.exp();
          return { outputs: [y], saved: [y] };
        },
        ([g], [y]) => {
          calls++;
          return [g!.mul(y!)];
        },
      )[0]!;
    gradcheck(exponential, [x]);
    const y = exponential(x).sum();
    calls = 0;
    backward(y, { retainGraph: true });
    backward(y);
    expect(calls).toBe(2);
    expect(() => backward(y)).toThrow(/second time/);
  }));

it('records nothing where no gradient is asked for', () =>
  scope(() => {
    const x = leaf(2);
    expect(noGrad(() => productAndSum(x, x))[0].requiresGrad).toBe(false);
    const fixed = randn([2]);
    expect(productAndSum(fixed, fixed)[0].requiresGrad).toBe(false);
  }));

it('refuses a second derivative, and gradients that do not fit', () =>
  scope(() => {
    const x = leaf(2);
    const twice = () => grad([productAndSum(x, x)[0].sum()], [x], { createGraph: true });
    expect(twice).toThrow(/customGradient: the gradient of its gradient is not implemented/);
    const wrong = (give: Tensor[]) =>
      backward(
        customGradient(
          [x],
          () => ({ outputs: [x.mul(2)] }),
          () => give,
        )[0]!.sum(),
      );
    expect(() => wrong([])).toThrow(/invalid number of gradients/);
    expect(() => wrong([randn([5])])).toThrow(/invalid gradient at index 0/);
  }));

it('lets an error of its backward out as it was', () =>
  scope(() => {
    const x = leaf(2);
    class Own extends Error {}
    const failing = customGradient(
      [x],
      () => ({ outputs: [x.mul(2)] }),
      () => {
        throw new Own('mine');
      },
    )[0]!;
    expect(() => backward(failing.sum())).toThrow(Own);
    backward(x.sum());
    expect(x.grad!.tolist()).toEqual([1, 1]);
  }));
