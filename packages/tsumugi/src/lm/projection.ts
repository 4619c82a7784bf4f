// A linear map without bias: y = x·Wᵀ. The weight is cast to the input's dtype, so that f32 master weights serve a bf16 forward.
import { Module, parameter } from '../nn/index.ts';
import { linear, type Tensor } from '../torch/index.ts';

export class Projection extends Module {
  /** [out, in] */
  weight: Tensor;

  constructor(weight: Tensor) {
    super();
    this.weight = parameter(weight);
  }

  /** [..., in] → [..., out] */
  forward(x: Tensor): Tensor {
    return project(x, this.weight);
  }
}

/** [..., in] · [out, in]ᵀ → [..., out] */
export function project(x: Tensor, weight: Tensor): Tensor {
  const w = weight.dtype === x.dtype ? weight : weight.to(x.dtype);
  // One row is a matrix–vector product: libtorch's `linear` runs it three times slower than `mv`.
  if (x.numel === w.shape[1] && w.device === 'cpu')
    return w.mv(x.reshape([x.numel])).reshape([...x.shape.slice(0, -1), w.shape[0]!]);
  return linear(x, w);
}
