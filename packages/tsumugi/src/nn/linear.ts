// Layers that are a table of weights: the affine map, and the embedding of ids.
import { embedding, empty, type Generator, linear, type Tensor } from '../torch/index.ts';
import { constant, type Initializer, initialize, normal, varianceScaling } from './initializers.ts';
import { Module, parameter } from './module.ts';

/** U(−1/√fanIn, 1/√fanIn), PyTorch's default for weights of linear and convolution layers. */
export const defaultWeightInit = varianceScaling({ scale: 1 / 3, distribution: 'uniform' });

export interface WeightOptions {
  generator: Generator;
  /** Whether there is a bias; true when left out. */
  bias?: boolean;
  weightInit?: Initializer;
  biasInit?: Initializer;
}

/** The initial weight of a layer. */
export const makeWeight = (shape: readonly number[], options: WeightOptions): Tensor =>
  parameter(
    initialize(
      empty(shape, { device: options.generator.device }),
      options.weightInit ?? defaultWeightInit,
      options.generator,
    ),
  );

/** The initial bias [size] of a layer, or null without one. Default: U(−1/√fanIn, 1/√fanIn) as PyTorch's. */
export const makeBias = (size: number, fanIn: number, options: WeightOptions): Tensor | null => {
  if (options.bias === false) return null;
  const bound = 1 / Math.sqrt(fanIn);
  const byDefault: Initializer = (target, generator) => void target.uniform_(-bound, bound, { generator });
  return parameter(
    initialize(empty([size], { device: options.generator.device }), options.biasInit ?? byDefault, options.generator),
  );
};

/** y = x Wᵀ + b: [..., inFeatures] → [..., outFeatures]. `weight` is [outFeatures, inFeatures]. */
export class Linear extends Module {
  weight: Tensor;
  bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: WeightOptions) {
    super();
    this.weight = makeWeight([outFeatures, inFeatures], options);
    this.bias = makeBias(outFeatures, inFeatures, options);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/** Rows of `weight` [numEmbeddings, dim] by id: int64 or int32 [...] → [..., dim]. Initially N(0, 1). */
export class Embedding extends Module {
  weight: Tensor;

  constructor(numEmbeddings: number, dim: number, options: { generator: Generator; weightInit?: Initializer }) {
    super();
    this.weight = makeWeight([numEmbeddings, dim], { weightInit: normal(), ...options });
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.weight, ids);
  }
}

/** A parameter [shape] that starts at one value: gains and shifts of norms. */
export const constantParameter = (shape: readonly number[], value: number, generator: Generator): Tensor =>
  parameter(initialize(empty(shape, { device: generator.device }), constant(value), generator));
