// Arrays and numbers where a tensor must stand, for functions that look at it before libtorch does.
import { kindOf, UserError } from '../base/index.ts';
import { isTensor } from './scope.ts';
import type { Tensor } from './tensor.ts';

/** @throws UserError for what is no tensor, with what to write */
export function requireTensor(owner: string, name: string, value: unknown, dtype?: 'int64'): Tensor {
  if (isTensor(value)) return value;
  const made = dtype === 'int64' ? "tensor([0, 1], { dtype: 'int64' })" : 'tensor([0, 1])';
  throw new UserError('bad-argument', `${owner}: ${name} must be a tensor, got ${kindOf(value)}`, {
    remedy: `Make one, as in ${made}.`,
  });
}
