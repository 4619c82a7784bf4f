// The value of a state: V(s) = w·x + b of a body's features.
import { Linear, Module, type WeightOptions } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';

export class ValueHead extends Module {
  readonly linear: Linear;

  constructor(inFeatures: number, options: WeightOptions = {}) {
    super();
    this.linear = new Linear(inFeatures, 1, options);
  }

  /** features [..., H] → [...] */
  forward(features: Tensor): Tensor {
    return this.linear.forward(features).squeeze(-1);
  }
}
