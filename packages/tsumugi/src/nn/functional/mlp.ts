// Fully connected layers with an activation after each, or each but the last, in one call: small networks spend most of their time between operators.
import { customOperator, kernelTakes, linear, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::mlp');

/** The activations that the kernel knows, in the order of their numbers there. */
const fused = ['relu', 'tanh', 'none'] as const;
export type MlpActivation = (typeof fused)[number];

/** x ← activation(x·Wᵀ + b). */
export interface AffineMap {
  /** [out, in] */
  readonly weight: Tensor;
  /** [out] */
  readonly bias: Tensor;
}

/**
 * The activation of each layer on what the layer below gives. It can be differentiated twice.
 *
 * @param x [N, in]
 * @param last the activation of the last layer; the others' when left out
 * @returns [N, out of the last layer]
 */
export function mlp(
  x: Tensor,
  layers: readonly AffineMap[],
  activation: MlpActivation,
  last: MlpActivation = activation,
): Tensor {
  const weights: Tensor[] = [];
  const biases: Tensor[] = [];
  for (const { weight, bias } of layers) {
    weights.push(weight);
    biases.push(bias);
  }
  if (x.ndim !== 2 || layers.length === 0 || !kernelTakes('tsumugi::mlp', x, ...weights, ...biases))
    return mlpPlain(x, layers, activation, last);
  return kernel(x, weights, biases, fused.indexOf(activation), fused.indexOf(last));
}

/** The plain twin of `mlp`: any device, dtype and number of dimensions. */
export function mlpPlain(
  x: Tensor,
  layers: readonly AffineMap[],
  activation: MlpActivation,
  last: MlpActivation = activation,
): Tensor {
  let h = x;
  for (const [l, { weight, bias }] of layers.entries()) {
    const z = linear(h, weight, bias);
    const its = l === layers.length - 1 ? last : activation;
    h = its === 'none' ? z : its === 'relu' ? z.relu() : z.tanh();
  }
  return h;
}
