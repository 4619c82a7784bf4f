// Clipping by the global norm of all gradients (Pascanu et al. 2013, arXiv 1211.5063).
import { checkNumber } from '../base/index.ts';
import { customOperator, foreachMul_, foreachNorm, noGrad, scope, stack, type Tensor } from '../torch/index.ts';
import { isFusable } from './updates.ts';

const globalNormKernel = customOperator<number>('tsumugi::global_norm');

/** Those of one dtype on one device together: what one native call takes. */
const groupByKind = (tensors: readonly Tensor[]): Tensor[][] => [
  ...Map.groupBy(tensors, ({ dtype, device }) => `${dtype} ${device}`).values(),
];

/**
 * The 2-norm of all elements of all tensors, whatever their dtypes and devices. On the CPU it is added up in float64, and does not
 * depend on the number of threads.
 */
export function globalNorm(tensors: readonly Tensor[]): number {
  const norms = groupByKind(tensors).map((each) =>
    isFusable(each[0]!) ? globalNormKernel(each) : globalNormPlain(each),
  );
  return Math.hypot(...norms);
}

/** The twin of the kernel, for any one dtype and device: the norm of the tensors' norms. */
export function globalNormPlain(tensors: readonly Tensor[]): number {
  return scope(() => stack(foreachNorm(tensors)).norm().item());
}

const gradients = (parameters: readonly Tensor[]) =>
  parameters.map((parameter) => parameter.grad).filter((gradient) => gradient !== undefined);

/** The 2-norm of the gradients of `parameters`, those that have one. */
export function gradNorm(parameters: readonly Tensor[]): number {
  return scope(() => globalNorm(gradients(parameters)));
}

/** The factor that brings a norm down to `maxNorm`; 1 when it is not above. For `optimizer.step(lr, { gradScale })`. */
export function clipScale(norm: number, maxNorm: number): number {
  checkNumber('clipping', 'maxNorm', maxNorm, { above: 0, infinite: true });
  return maxNorm === Infinity && norm === Infinity ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}

/**
 * Scales the gradients in place so that their global norm is at most `maxNorm`, and returns the norm they had.
 * In a training loop `gradNorm` and `clipScale` do the same without the extra pass over memory.
 */
export function clipGradNorm(parameters: readonly Tensor[], maxNorm: number): number {
  return scope(() => {
    const found = gradients(parameters);
    const norm = globalNorm(found);
    const scale = clipScale(norm, maxNorm);
    if (scale !== 1) noGrad(() => foreachMul_(found, scale));
    return norm;
  });
}
