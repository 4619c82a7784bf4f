// Batches of the text folder as tensors for a model.
import type { Batch as ModelBatch } from '../lm/index.ts';
import type { Batch } from '../text/index.ts';
import { type Device, tensor } from '../torch/index.ts';

/** Token arrays [B, T] → tensors on a device: ids and targets int64, documents int32. */
export function toTensors(batch: Batch, device: Device): ModelBatch {
  const shape = [batch.rows, batch.columns];
  return {
    ids: tensor(batch.tokens, { shape, dtype: 'int64', device }),
    targets: tensor(batch.targets, { shape, dtype: 'int64', device }),
    documents: tensor(batch.documents, { shape, device }),
  };
}
