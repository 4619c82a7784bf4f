// Whether numbers are numbers, before they are written.
import { scope, type Tensor } from '../torch/index.ts';

/** One pass over memory: a sum is finite only when every number is. It may overflow of itself, so then each is looked at. */
export const areFinite = (numbers: Tensor): boolean =>
  scope(() => Number.isFinite(numbers.sum().item()) || Boolean(numbers.isfinite().all().item()));
