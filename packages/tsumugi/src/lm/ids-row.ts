// Token ids as `forward` takes them.
import { type Device, type Tensor, tensor } from '../torch/index.ts';

/** One text: int64 [1, T]. */
export const idsRow = (ids: readonly number[], device?: Device): Tensor =>
  tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length], device });
