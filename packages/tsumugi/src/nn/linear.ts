// Layers that are a table of weights: the affine map, and the embedding of ids.
import { embedding, type Generator, linear, type Tensor } from '../torch/index.ts';
import { type Initializer, normal } from './initializers.ts';
import { Module } from './module.ts';
import { makeBias, makeWeight, type WeightOptions } from './weights.ts';

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
