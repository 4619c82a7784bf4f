// The affine map, with weights of another dtype than the input: f32 master weights serve a bf16 forward.
import { linear, requireTensor, type Tensor } from '../../torch/index.ts';
import { rowsAreIndependent, rowsLinear } from './rows-linear.ts';

/** x·Wᵀ + b: [..., in] · [out, in]ᵀ → [..., out], in the dtype of `x`. */
export function castLinear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  requireTensor('Linear', 'x', x);
  const cast = (tensor: Tensor) => (tensor.dtype === x.dtype ? tensor : tensor.to(x.dtype));
  const w = cast(weight);
  if (rowsAreIndependent()) {
    const y = rowsLinear(x, w);
    return bias ? y.add(cast(bias)) : y;
  }
  // One row is a matrix–vector product: libtorch's `linear` runs it three times slower than `mv`.
  if (bias === null && x.numel() === w.shape[1] && w.device === 'cpu')
    return w.mv(x.reshape([x.numel()])).reshape([...x.shape.slice(0, -1), w.shape[0]!]);
  return linear(x, w, bias && cast(bias));
}
