// Checks analytic gradients against central differences, for tests of every composite and every kernel of ours.
import { checkOptions, synchronous, TsumugiError, UserError } from '../base/index.ts';
import { backward, noGrad, Rng, randn, scope, type Tensor, tensor, unravel } from '../torch/index.ts';

export interface GradcheckOptions {
  /** Step of the differences. */
  eps?: number;
  /** Accepted: |analytic − numeric| ≤ atol + rtol · |numeric|. */
  atol?: number;
  rtol?: number;
  /** What the inputs are called in errors; their positions when left out. */
  names?: readonly string[];
}

/** Differences listed in the message; the first says most. */
const maxReported = 3;

/**
 * Compares backward with central differences for every element of every input, along one fixed random direction of
 * the outputs: d⟨w, f(x)⟩/dx_i against (⟨w, f(x + εe_i)⟩ − ⟨w, f(x − εe_i)⟩) / 2ε. Inputs are perturbed in place and
 * restored bit for bit, so `fn` may also reach them otherwise (the parameters of a module). Their `grad` is left as found.
 *
 * @param fn deterministic; returns a tensor of any shape, or several
 * @param inputs float64 leaves that require gradients
 * @throws TsumugiError 'wrong-gradient' naming input, index and both values
 */
export function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): void {
  checkOptions('gradcheck', options, { eps: true, atol: true, rtol: true, names: true });
  const { eps = 1e-6, atol = 1e-6, rtol = 1e-5 } = options;
  const nameOf = (i: number) => options.names?.[i] ?? `input ${i}`;
  inputs.forEach((input, i) => {
    if (input.dtype !== 'float64' || !input.requiresGrad || !input.isLeaf)
      throw new UserError(
        'bad-argument',
        `gradcheck: ${nameOf(i)} must be a float64 leaf that requires gradients, it is ${input.dtype}${input.requiresGrad ? '' : ' without gradients'}`,
        { remedy: 'Make it with { dtype: "float64" } and call requiresGrad_() on it.' },
      );
  });

  scope(() => {
    const projected = () =>
      scope(() => {
        const results = synchronous('gradcheck', fn, ...inputs);
        const outputs = Array.isArray(results) ? (results as readonly Tensor[]) : [results as Tensor];
        const direction = new Rng(0x5eed);
        return outputs
          .map((output) => output.mul(randn(output.shape, direction, { dtype: 'float64' })).sum())
          .reduce((sum, term) => sum.add(term));
      });
    const value = () => noGrad(() => scope(() => projected().item()));

    const before = value();
    if (before !== value())
      throw new TsumugiError('not-deterministic', 'gradcheck: two calls with the same inputs gave different values');

    const analytic = analyticGradients(projected, inputs);
    const failures: string[] = [];
    let first: Record<string, unknown> | undefined;
    inputs.forEach((input, i) => {
      const original = input.data() as Float64Array;
      const write = (data: Float64Array) =>
        noGrad(() => scope(() => void input.copy_(tensor(data, { shape: input.shape }))));
      const at = (element: number, delta: number) => {
        const moved = original.slice();
        moved[element]! += delta;
        write(moved);
        return value();
      };
      try {
        original.forEach((_, element) => {
          const numeric = (at(element, eps) - at(element, -eps)) / (2 * eps);
          const exact = analytic[i]![element]!;
          if (Math.abs(exact - numeric) <= atol + rtol * Math.abs(numeric)) return;
          const index = unravel(element, input.shape);
          first ??= { input: i, name: nameOf(i), index, analytic: exact, numeric };
          failures.push(`${nameOf(i)} at [${index.join(', ')}]: analytic ${exact}, numeric ${numeric}`);
        });
      } finally {
        write(original);
      }
    });
    if (failures.length === 0) return;
    const more = failures.length > maxReported ? ` (and ${failures.length - maxReported} more)` : '';
    throw new TsumugiError(
      'wrong-gradient',
      `gradcheck: gradients differ from central differences: ${failures.slice(0, maxReported).join('; ')}${more}`,
      { fields: { ...first, count: failures.length } },
    );
  });
}

/** The gradient of every input as numbers; zeros where the output does not depend on it. */
function analyticGradients(output: () => Tensor, inputs: readonly Tensor[]): Float64Array[] {
  const saved = inputs.map((input) => input.grad);
  for (const input of inputs) input.grad = undefined;
  try {
    const result = output();
    if (result.requiresGrad) backward(result);
    return inputs.map((input) => (input.grad?.data() as Float64Array | undefined) ?? new Float64Array(input.numel()));
  } finally {
    for (const [i, input] of inputs.entries()) input.grad = saved[i];
  }
}
