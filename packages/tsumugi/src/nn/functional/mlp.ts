// Fully connected layers with an activation after each, in one call: small networks spend most of their time between operators.
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
 * @returns [N, out of the last layer]
 */
export function mlp(x: Tensor, layers: readonly AffineMap[], activation: MlpActivation): Tensor {
  const weights: Tensor[] = [];
  const biases: Tensor[] = [];
  for (const { weight, bias } of layers) {
    weights.push(weight);
    biases.push(bias);
  }
  if (x.ndim !== 2 || layers.length === 0 || !kernelTakes('tsumugi::mlp', x, ...weights, ...biases))
    return mlpPlain(x, layers, activation);
  return kernel(x, weights, biases, fused.indexOf(activation));
}

/** The plain twin of `mlp`: any device, dtype and number of dimensions. */
export function mlpPlain(x: Tensor, layers: readonly AffineMap[], activation: MlpActivation): Tensor {
  let h = x;
  for (const { weight, bias } of layers) {
    const z = linear(h, weight, bias);
    h = activation === 'none' ? z : activation === 'relu' ? z.relu() : z.tanh();
  }
  return h;
}
