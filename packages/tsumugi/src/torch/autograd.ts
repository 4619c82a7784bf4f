// Differentiation: libtorch's engine.
import { checkOptions, type OptionNames } from '../base/index.ts';
import { explainBackward } from './checkpoint.ts';
import { native } from './native.ts';
import { customOperator } from './operator.ts';
import { setBackward, Tensor } from './tensor.ts';

export interface BackwardOptions {
  /** The gradient of what comes after, of the output's shape. */
  gradient?: Tensor;
  /** Whether backward can be called again on the same graph. */
  retainGraph?: boolean;
}

export interface GradOptions {
  gradients?: readonly (Tensor | undefined)[];
  retainGraph?: boolean;
  /** Whether the gradients can be differentiated in their turn. */
  createGraph?: boolean;
  /** Whether an input that the outputs do not depend on gives undefined instead of an error. */
  allowUnused?: boolean;
}

const backwardOptions: OptionNames<BackwardOptions> = { gradient: true, retainGraph: true };
const gradOptions: OptionNames<GradOptions> = {
  gradients: true,
  retainGraph: true,
  createGraph: true,
  allowUnused: true,
};
const none = {};

const handles = (tensors: readonly Tensor[]) => tensors.map((tensor) => tensor.handle);

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `.grad`. An input that the outputs do not
 * depend on is an error, or undefined with `allowUnused`.
 */
export function grad(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = none,
): (Tensor | undefined)[] {
  if (options !== none) checkOptions('grad', options, gradOptions);
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
export function backward(output: Tensor, options: BackwardOptions = none): void {
  if (options !== none) checkOptions('backward', options, backwardOptions);
  try {
    native().backward([output.handle], [options.gradient?.handle ?? null], options.retainGraph ?? false);
  } catch (error) {
    throw explainBackward(error, 'backward', [output]);
  }
}

setBackward(backward);

const attach = customOperator('tsumugi::with_gradient');

/**
 * `value` (a scalar) with known derivatives: the result equals `value`, and backward sends `gradients[i]` times the
 * incoming gradient to `inputs[i]`. For fused forward passes that compute their gradient on the way.
 */
export function withGradient(value: Tensor, inputs: readonly Tensor[], gradients: readonly Tensor[]): Tensor {
  return attach(value, inputs, gradients);
}
