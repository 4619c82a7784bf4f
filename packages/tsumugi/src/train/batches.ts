// Batches of the text folder as tensors for a model.
import type { Batch as ModelBatch } from '../lm/index.ts';
import type { Batch } from '../text/index.ts';
import { type Device, tensor } from '../torch/index.ts';

/** Whether each row is of one document: then nothing has to be kept apart, and fused attention can be taken. */
function isOfOneEach({ documents, rows, columns }: Batch): boolean {
  for (let row = 0; row < rows; row++) {
    const first = documents[row * columns];
    for (let at = row * columns + 1; at < (row + 1) * columns; at++) if (documents[at] !== first) return false;
  }
  return true;
}

/** Token arrays [B, T] → tensors on a device: ids and targets int64, documents int32 where a row has several. */
export function toTensors(batch: Batch, device: Device): ModelBatch {
  const shape = [batch.rows, batch.columns];
  return {
    ids: tensor(batch.tokens, { shape, dtype: 'int64', device }),
    targets: tensor(batch.targets, { shape, dtype: 'int64', device }),
    documents: isOfOneEach(batch) ? undefined : tensor(batch.documents, { shape, device }),
  };
}
