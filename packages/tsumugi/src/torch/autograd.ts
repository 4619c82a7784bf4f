// Differentiation: libtorch's engine, plus checkpointing that recomputes a segment's activations during backward.
import { native } from './native.ts';
import { customOperator, explain } from './operator.ts';
import { scope } from './scope.ts';
import { Tensor } from './tensor.ts';

/** Runs `body` without recording operations for backward. */
export function noGrad<T>(body: () => T): T {
  const before = native().setGradEnabled(false);
  try {
    return body();
  } finally {
    native().setGradEnabled(before);
  }
}

/** Runs `body` recording operations, inside a `noGrad` too. */
export function enableGrad<T>(body: () => T): T {
  const before = native().setGradEnabled(true);
  try {
    return body();
  } finally {
    native().setGradEnabled(before);
  }
}

/** Whether operations are being recorded. */
export function isGradEnabled(): boolean {
  const before = native().setGradEnabled(true);
  native().setGradEnabled(before);
  return before;
}

const handles = (tensors: readonly Tensor[]) => tensors.map((tensor) => tensor.handle);

function nativeBackward(
  outputs: readonly Tensor[],
  gradients: readonly (Tensor | undefined)[],
  retainGraph: boolean,
): void {
  try {
    native().backward(
      handles(outputs),
      gradients.map((gradient) => gradient?.handle ?? null),
      retainGraph,
    );
  } catch (error) {
    throw explain(error, 'backward', outputs);
  }
}

/**
 * The gradients of `outputs` with respect to `inputs`, without touching any `.grad`. An input that the outputs do not
 * depend on is an error, or undefined with `allowUnused`. Does not look through `checkpoint`.
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
    throw explain(error, 'grad', [...outputs, ...inputs]);
  }
}

// --- checkpointing ------------------------------------------------------------------------------------------------

// The tape of cuts made since the last backward, in order. A cut separates the graph: `inner` is a leaf that stands for
// `outer`. Backward runs the newest graph first; what arrives in a cut's leaf is then sent on, by recomputing the
// segment (`run`) or by going on into the graph that made `outer`.
type Cut =
  | { kind: 'input'; key: Tensor; outer: Tensor; inner: Tensor }
  | { kind: 'segment'; run: (...inputs: Tensor[]) => Tensor; inputs: Tensor[]; key: Tensor; output: Tensor };
// `key` is the caller's own object, by which later segments recognise it; the tape holds handles of its own.
let tape: Cut[] = [];

const alias = (tensor: Tensor) => new Tensor(native().alias(tensor.handle)).keep();

/**
 * Runs `segment(...inputs)` without keeping its activations; `backward` recomputes them. Only the segment's inputs are
 * held. The segment must be deterministic and must take every tensor it differentiates through, except parameters, as
 * an input. Source: Chen et al. 2016, arXiv 1604.06174.
 */
export function checkpoint(segment: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  if (!isGradEnabled()) return segment(...inputs);
  const inner = inputs.map((outer) => {
    if (!outer.requiresGrad) return outer.detach().keep();
    const known = tape.find((cut) => cut.key === outer);
    if (known?.kind === 'segment') return known.output;
    if (known?.kind === 'input') return known.inner;
    const leaf = outer.detach().keep().requiresGrad_();
    tape.push({ kind: 'input', key: outer, outer: alias(outer), inner: leaf });
    return leaf;
  });
  const output = scope(() => noGrad(() => segment(...inner))).requiresGrad_();
  tape.push({ kind: 'segment', run: segment, inputs: inner, key: output, output: alias(output) });
  return output;
}

function release(cuts: readonly Cut[]): void {
  for (const cut of cuts) {
    if (cut.kind === 'input') {
      cut.outer.dispose();
      cut.inner.dispose();
    } else {
      for (const input of cut.inputs) input.dispose();
      cut.output.dispose();
    }
  }
}

/**
 * Adds the gradients of `output` into `.grad` of every leaf it depends on. `gradient` (shape of `output`) is needed
 * when the output is not a scalar.
 */
export function backward(output: Tensor, options: { gradient?: Tensor; retainGraph?: boolean } = {}): void {
  const cuts = tape;
  tape = [];
  try {
    // A graph that a cut goes back into may be entered twice, so its buffers stay until the handles are freed.
    nativeBackward([output], [options.gradient], (options.retainGraph ?? false) || cuts.length > 0);
    for (const cut of cuts.toReversed()) scope(() => backwardThrough(cut));
  } finally {
    release(cuts);
  }
}

function backwardThrough(cut: Cut): void {
  if (cut.kind === 'input') {
    const gradient = cut.inner.grad;
    if (gradient) nativeBackward([cut.outer], [gradient], true);
    return;
  }
  const gradient = cut.output.grad;
  if (!gradient) return;
  // The inputs are leaves (or fixed), so running the segment again on them makes a graph of its own.
  const recomputed = enableGrad(() => cut.run(...cut.inputs));
  nativeBackward([recomputed], [gradient], false);
  cut.output.grad = undefined;
}

const attach = customOperator('tsumugi::with_gradient');

/**
 * `value` (a scalar) with known derivatives: the result equals `value`, and backward sends `gradients[i]` times the
 * incoming gradient to `inputs[i]`. For fused forward passes that compute their gradient on the way.
 */
export function withGradient(value: Tensor, inputs: readonly Tensor[], gradients: readonly Tensor[]): Tensor {
  return attach(value, inputs, gradients);
}
