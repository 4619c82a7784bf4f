// The model's linear maps, from tensors of a checkpoint.
import { Linear } from '../nn/index.ts';
import type { Tensor } from '../torch/index.ts';

/** A linear map without bias of this weight [out, in], which it takes over. */
export const linearOf = (weight: Tensor): Linear => new Linear(weight.size(1), weight.size(0), { weight, bias: false });
