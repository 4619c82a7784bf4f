// What the tests of layers share: comparison of tensors, and the gradient check of a module with its parameters.
import { expect } from 'vitest';
import { type Rng, randn, type Tensor } from '../torch/index.ts';
import { gradcheck } from './gradcheck.ts';
import { convert, type Module, namedParameters } from './module.ts';

/** Same shape, and every element within `tolerance` of the expected one (absolute, or relative for large ones). */
export function expectClose(actual: Tensor, expected: Tensor, tolerance = 1e-6): void {
  expect(actual.shape).toEqual(expected.shape);
  const wanted = expected.data();
  actual.data().forEach((value, i) => {
    const target = Number(wanted[i]);
    const close = Math.abs(Number(value) - target) <= tolerance * Math.max(1, Math.abs(target));
    if (!close) expect.fail(`element ${i}: ${value} is not within ${tolerance} of ${target}`);
  });
}

/** A float64 leaf that requires gradients. */
export const leaf = (shape: readonly number[], rng: Rng): Tensor =>
  randn(shape, rng, { dtype: 'float64' }).requiresGrad_();

/** Turns the module to float64 and checks the gradients of `forward` for every parameter and every input. */
export function gradcheckModule<M extends Module>(
  module: M,
  forward: (module: M, ...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
): void {
  convert(module, 'float64');
  const named = namedParameters(module);
  gradcheck(
    (...all) => forward(module, ...all.slice(0, inputs.length)),
    [...inputs, ...named.map(([, tensor]) => tensor)],
    { names: [...inputs.map((_, i) => `input ${i}`), ...named.map(([path]) => path)] },
  );
}
