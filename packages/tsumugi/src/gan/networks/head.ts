// The end of a discriminator: features to a logit, with the projection of the class when it is conditional
// (Miyato & Koyama 2018, arXiv 1802.05637).
import { Embedding, type Initializer, Linear, Module, type WeightNormalization, zerosInit } from '../../nn/index.ts';
import type { Rng, Tensor } from '../../torch/index.ts';
import { checkLabels } from './options.ts';

export interface HeadOptions {
  rng: Rng;
  numClasses: number | null;
  /** Whether the linear map has a bias. */
  bias: boolean;
  weightInit: Initializer;
  weightNormalization?: WeightNormalization | undefined;
}

/** f(h, y) = w·h + b + ⟨v_y, h⟩: features [B, F], labels int64 [B] → [B]. `embedding` holds the rows v_y. */
export class Head extends Module {
  dense: Linear;
  embedding: Embedding | null;
  readonly numClasses: number | null;

  constructor(features: number, options: HeadOptions) {
    super();
    const { numClasses, bias, ...weights } = options;
    this.numClasses = numClasses;
    this.dense = new Linear(features, 1, { ...weights, bias, biasInit: zerosInit() });
    this.embedding = numClasses === null ? null : new Embedding(numClasses, features, weights);
  }

  forward(h: Tensor, labels?: Tensor): Tensor {
    checkLabels(this.numClasses, labels);
    const logits = this.dense.forward(h).squeeze(1);
    return this.embedding ? logits.add(this.embedding.forward(labels!).mul(h).sum(1)) : logits;
  }
}
