// Layers that are a table of weights: the affine map, and the embedding of ids.
import { checkNumbers, checkOptions, type OptionNames } from '../base/index.ts';
import { embedding, requireTensor, type Tensor } from '../torch/index.ts';
import { castLinear } from './functional/linear.ts';
import { normal } from './initializers.ts';
import { layerHints, makeBias, WeightedLayer, type WeightOptions, weightOptions } from './weights.ts';

/**
 * y = x Wᵀ + b in the dtype of x: [..., inFeatures] → [..., outFeatures]. `weight` is [outFeatures, inFeatures].
 *
 * @example
 * ```ts
 * const layer = new Linear(2, 1, { weightInit: constant(1), bias: false });
 * console.log(layer.forward(tensor([[1, 2]])).tolist()); // prints [[3]]
 * ```
 */
export class Linear extends WeightedLayer {
  bias: Tensor | null;

  constructor(inFeatures: number, outFeatures: number, options: WeightOptions = {}) {
    checkOptions('Linear', options, weightOptions, layerHints);
    checkNumbers('Linear', { inFeatures, outFeatures }, { min: 1, whole: true });
    super([outFeatures, inFeatures], options);
    this.bias = makeBias(outFeatures, inFeatures, options);
  }

  forward(x: Tensor): Tensor {
    return castLinear(x, this.usedWeight, this.bias);
  }

  /**
   * `forward(x)` [..., heads·parts·size], read as heads of `parts` blocks each and taken apart into `parts` tensors
   * [..., heads·size]. For many rows of x this is cheaper than taking the result apart: the weight's rows are taken apart.
   * For layers without bias.
   */
  forwardParts(x: Tensor, heads: number, parts: number): Tensor[] {
    const weight = this.usedWeight;
    const [rows, columns] = weight.shape as [number, number];
    const blocks = weight.reshape([heads, parts, rows / (heads * parts), columns]);
    return Array.from({ length: parts }, (_, part) =>
      castLinear(x, blocks.select(1, part).reshape([rows / parts, columns])),
    );
  }
}

export type EmbeddingOptions = Omit<WeightOptions, 'bias' | 'biasInit'>;

const embeddingOptions: OptionNames<EmbeddingOptions> = {
  rng: true,
  weight: true,
  weightInit: true,
  weightNormalization: true,
};

/**
 * Rows of `weight` [numEmbeddings, dim] by id: int64 or int32 [...] → [..., dim]. Initially N(0, 1).
 *
 * @example
 * ```ts
 * console.log(new Embedding(10, 4).forward(tensor([[1, 2, 3]], { dtype: 'int64' })).shape); // prints [1,3,4]
 * ```
 */
export class Embedding extends WeightedLayer {
  constructor(numEmbeddings: number, dim: number, options: EmbeddingOptions = {}) {
    checkOptions('Embedding', options, embeddingOptions, layerHints);
    checkNumbers('Embedding', { numEmbeddings, dim }, { min: 1, whole: true });
    super([numEmbeddings, dim], { weightInit: normal(), ...options });
  }

  forward(ids: Tensor): Tensor {
    return embedding(this.usedWeight, requireTensor('Embedding', 'ids', ids, 'int64'));
  }

  /** The table as an output head: hidden [..., dim] → [..., numEmbeddings]. */
  logits(hidden: Tensor): Tensor {
    return castLinear(hidden, this.usedWeight);
  }
}
