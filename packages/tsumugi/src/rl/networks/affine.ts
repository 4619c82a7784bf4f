// One small layer without an activation, as heads are, by the kernel of whole networks: it is at hand, and BLAS and what libtorch does
// around it take longer.
import { type Linear, mlp } from '../../nn/index.ts';
import type { Tensor } from '../../torch/index.ts';
import { isAffine } from './mlp.ts';

/** Elements of a weight up to which that is so. */
const SMALL = 128 * 128;

/** `layer.forward(x)` */
export const affine = (layer: Linear, x: Tensor): Tensor =>
  x.ndim === 2 && isAffine(layer) && layer.weight.numel() <= SMALL ? mlp(x, [layer], 'none') : layer.forward(x);
