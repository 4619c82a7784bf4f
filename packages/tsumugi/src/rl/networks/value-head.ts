// The value of a state: V(s) = w·x + b of a body's features.
import { Linear, Module, type WeightOptions } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { affine } from './affine.ts';

export class ValueHead extends Module {
  readonly linear: Linear;

  constructor(inFeatures: number, options: WeightOptions = {}) {
    super();
    this.linear = new Linear(inFeatures, 1, options);
  }

  /** features [..., H] → [...] */
  forward(features: Tensor): Tensor {
    return affine(this.linear, features).squeeze(-1);
  }
}
