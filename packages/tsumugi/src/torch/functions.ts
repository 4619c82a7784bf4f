// Functions that PyTorch has beside its methods, and some that are made of others.
import { checkNumber } from '../base/index.ts';
import { zeros } from './factories.ts';
import { scope } from './scope.ts';
import type { Tensor } from './tensor.ts';

/**
 * The product of matrices, `a.matmul(b)`.
 *
 * @example
 * ```ts
 * console.log(matmul(ones(2, 3), ones(3, 1)).tolist()); // prints [[3],[3]]
 * ```
 */
export const matmul = (a: Tensor, b: Tensor): Tensor => a.matmul(b);

/**
 * Class numbers as rows with a 1 in their place: int64 [...] → int64 [..., numClasses].
 *
 * @param numClasses one more than the largest number when left out
 *
 * @example
 * ```ts
 * console.log(oneHot(tensor([2, 0], { dtype: 'int64' }), 3).tolist()); // prints [[0,0,1],[1,0,0]]
 * ```
 */
export function oneHot(ids: Tensor, numClasses?: number): Tensor {
  return scope(() => {
    const classes = numClasses ?? ids.max().item() + 1;
    checkNumber('oneHot', 'numClasses', classes, { min: 1, whole: true });
    const rows = zeros([...ids.shape, classes], { dtype: 'int64', device: ids.device });
    return rows.scatter_(-1, ids.unsqueeze(-1), 1);
  });
}
