export { type Batch, batchTensors, type TensorBatch } from './batch.ts';
export { type Episode, type EpisodeBatch, EpisodicReplayBuffer, type EpisodicReplayOptions } from './episodic.ts';
export { Importance, type ImportanceOptions, importanceDefaults } from './importance.ts';
export { PersistentReplay, type PersistentReplayOptions } from './persistent.ts';
export { PrioritizedReplayBuffer, type PrioritizedReplayOptions } from './prioritized.ts';
export {
  PrioritizedEpisodicReplayBuffer,
  type PrioritizedEpisodicReplayOptions,
} from './prioritized-episodic.ts';
export { ReplayBuffer, type ReplayOptions } from './replay-buffer.ts';
export { type Extras, type ReplayState, type RowOptions, RowRing } from './row-ring.ts';
export { MinTree, SumTree } from './sum-tree.ts';
