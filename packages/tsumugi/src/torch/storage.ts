// Where a tensor's numbers lie: for who lays several tensors into one memory, and for who has that only while it is needed.
import { ShapeError } from '../base/index.ts';
import { noGrad } from './grad-mode.ts';
import { native } from './native.ts';
import { callOperator } from './operator.ts';
import type { Tensor } from './tensor.ts';

/**
 * `tensor` lies where `place` lies from here on, and has its values; nothing is copied. It stays what it is otherwise: a leaf with its
 * gradient, under its name. Gives it the memory of another tensor, as `tensor.data = place` does in PyTorch.
 *
 * @throws ShapeError for a place of another shape, dtype or device
 */
export function layInto(tensor: Tensor, place: Tensor): void {
  const [own, given] = [tensor, place].map((each) => `${each.dtype}[${each.shape.join(', ')}] on ${each.device}`);
  if (own !== given) throw new ShapeError('wrong-place', `${own} cannot lie where ${given} lies`);
  noGrad(() => void callOperator('aten::set_data', tensor, place));
}

/** The memory under a tensor goes, and with it that of all tensors over it: none may be read or written until `makeStorage`. */
export const freeStorage = (tensor: Tensor): void => native().freeStorage(tensor.handle);

/** Memory for a tensor whose own was freed, and for all tensors over it. What is in it is not known. */
export const makeStorage = (tensor: Tensor, bytes: number): void => native().makeStorage(tensor.handle, bytes);
