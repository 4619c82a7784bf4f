// Differentiation: libtorch's engine.
import { explainBackward } from './checkpoint.ts';
import { native } from './native.ts';
import { customOperator } from './operator.ts';
import { Tensor } from './tensor.ts';

const handles = (tensors: readonly Tensor[]) => tensors.map((tensor) => tensor.handle);

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `.grad`. An input that the outputs do not
 * depend on is an error, or undefined with `allowUnused`.
 */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: {
    gradients?: readonly (Tensor | undefined)[];
    retainGraph?: boolean;
    createGraph?: boolean;
    allowUnused?: boolean;
  } = {},
): (Tensor | undefined)[] {
  const createGraph = options.createGraph ?? false;
  try {
    const results = native().grad(
      handles(outputs),
      handles(inputs),
      (options.gradients ?? outputs.map(() => undefined)).map((gradient) => gradient?.handle ?? null),
      options.retainGraph ?? createGraph,
      createGraph,
      options.allowUnused ?? false,
    );
    return results.map((handle) => (handle === 0 ? undefined : new Tensor(handle)));
  } catch (error) {
    throw explainBackward(error, 'grad', [...outputs, ...inputs]);
  }
}

/**
 * Adds the gradients of `output` into `.grad` of every leaf it depends on. `gradient` (shape of `output`) is needed
 * when the output is not a scalar.
 */
export function backward(output: Tensor, options: { gradient?: Tensor; retainGraph?: boolean } = {}): void {
  try {
    native().backward([output.handle], [options.gradient?.handle ?? null], options.retainGraph ?? false);
  } catch (error) {
    throw explainBackward(error, 'backward', [output]);
  }
}

const attach = customOperator('tsumugi::with_gradient');

/**
 * `value` (a scalar) with known derivatives: the result equals `value`, and backward sends `gradients[i]` times the
 * incoming gradient to `inputs[i]`. For fused forward passes that compute their gradient on the way.
 */
export function withGradient(value: Tensor, inputs: readonly Tensor[], gradients: readonly Tensor[]): Tensor {
  return attach(value, inputs, gradients);
}
