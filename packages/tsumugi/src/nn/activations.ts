// Activations as plain functions, for `Sequential` and as options.
import { checkNumber } from '../base/index.ts';
import type { Tensor } from '../torch/index.ts';

export type Activation = (x: Tensor) => Tensor;

export const identity: Activation = (x) => x;
export const relu: Activation = (x) => x.relu();
/** max(x, slope · x) for slopes below 1. */
export function leakyRelu(slope = 0.01): Activation {
  checkNumber('leakyRelu', 'slope', slope, {});
  return (x) => x.leakyRelu(slope);
}
export function elu(alpha = 1): Activation {
  checkNumber('elu', 'alpha', alpha, {});
  return (x) => x.elu(alpha);
}
/** x · Φ(x), exact. Hendrycks & Gimpel 2016, arXiv 1606.08415. */
export const gelu: Activation = (x) => x.gelu();
/** Its approximation by tanh, as GPT-2 has it. */
export const geluTanh: Activation = (x) => x.gelu({ approximate: 'tanh' });
/** x · σ(x), also called swish. */
export const silu: Activation = (x) => x.silu();
export const tanh: Activation = (x) => x.tanh();
export const sigmoid: Activation = (x) => x.sigmoid();
/** log(1 + eˣ). */
export const softplus: Activation = (x) => x.softplus();
