// Layers that are a table of weights: the affine map, and the embedding of ids.
import { checkNumbers } from '../base/index.ts';
import { embedding, linear, type Tensor } from '../torch/index.ts';
import { normal } from './initializers.ts';
import { makeBias, WeightedLayer, type WeightOptions } from './weights.ts';

/** y = x Wᵀ + b: [..., inFeatures] → [..., outFeatures]. `weight` is [outFeatures, inFeatures]. */
export class Linear extends WeightedLayer {
  bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: WeightOptions) {
    checkNumbers('Linear', { inFeatures, outFeatures }, { min: 1, whole: true });
    super([outFeatures, inFeatures], options);
    this.bias = makeBias(outFeatures, inFeatures, options);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.usedWeight, this.bias);
  }
}

export type EmbeddingOptions = Omit<WeightOptions, 'bias' | 'biasInit'>;

/** Rows of `weight` [numEmbeddings, dim] by id: int64 or int32 [...] → [..., dim]. Initially N(0, 1). */
export class Embedding extends WeightedLayer {
  constructor(numEmbeddings: number, dim: number, options: EmbeddingOptions) {
    checkNumbers('Embedding', { numEmbeddings, dim }, { min: 1, whole: true });
    super([numEmbeddings, dim], { weightInit: normal(), ...options });
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.usedWeight, ids);
  }
}
