// SwiGLU: silu(gate)·up, with gate and up side by side in one tensor, as one projection gives them.
import { ShapeError } from '../../base/index.ts';
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::swiglu');

/**
 * silu(first half)·second half of the last dimension. Shazeer 2020, arXiv 2002.05202.
 *
 * @param gateUp [..., 2·I]: the gate, then what it gates
 * @returns [..., I]
 */
export function swiglu(gateUp: Tensor): Tensor {
  if (gateUp.ndim === 0 || gateUp.size(-1) % 2 !== 0)
    throw new ShapeError('wrong-shape', `swiglu: the last dimension of [${gateUp.shape.join(', ')}] must be even`);
  return kernelTakes('tsumugi::swiglu', gateUp) ? kernel(gateUp) : swigluPlain(gateUp);
}

/** The plain twin of `swiglu`: any device and dtype. */
export function swigluPlain(gateUp: Tensor): Tensor {
  const [gate, up] = gateUp.chunk(2, -1) as [Tensor, Tensor];
  return gate.silu().mul(up);
}
