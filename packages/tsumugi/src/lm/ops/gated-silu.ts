// The Mamba mixer's output gate y·silu(z).
import { ShapeError } from '../../base/index.ts';
import { customOperator, kernelTakes, type Tensor } from '../../torch/index.ts';

const kernel = customOperator('tsumugi::gated_silu');

/** y·silu(z); y and z have one shape. */
export function gatedSilu(y: Tensor, z: Tensor): Tensor {
  if (y.shape.join() !== z.shape.join())
    throw new ShapeError(
      'wrong-shape',
      `gatedSilu: y [${y.shape.join(', ')}] and z [${z.shape.join(', ')}] must have one shape`,
    );
  return y.ndim > 0 && kernelTakes('tsumugi::gated_silu', y, z) ? kernel(y, z) : gatedSiluPlain(y, z);
}

/** The plain twin of `gatedSilu`: any device and dtype. */
export function gatedSiluPlain(y: Tensor, z: Tensor): Tensor {
  return y.mul(z.silu());
}
