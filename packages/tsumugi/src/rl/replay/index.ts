export { type Batch, batchTensors, type TensorBatch } from './batch.ts';
export { ReplayBuffer, type ReplayOptions } from './replay-buffer.ts';
export { type Extras, type ReplayState, type RowOptions, RowRing } from './row-ring.ts';
