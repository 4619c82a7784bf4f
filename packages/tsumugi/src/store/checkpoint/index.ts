// Checkpoints: the complete state of a run at a step, from which it goes on bit for bit.
export {
  type LatestOptions,
  type LoadedCheckpoint,
  latestCheckpoint,
  loadCheckpoint,
  loadLatestCheckpoint,
} from './load.ts';
export { type Checkpoint, listCheckpoints } from './manifest.ts';
export {
  bestCheckpoint,
  type CheckpointContent,
  cleanCheckpoints,
  pruneCheckpoints,
  type Retention,
  removeCheckpoint,
  saveCheckpoint,
  scoreCheckpoint,
} from './save.ts';
export type { State } from './state.ts';
export type { Groups, TensorPiece, Writers } from './writers.ts';
