// Processes that train together: meeting, collectives, gradients. The only folder that knows c10d.
export { GradientBuckets } from './buckets.ts';
export { DEFAULT_TIMEOUT_SECONDS, type Place, placeOf } from './environment.ts';
export {
  broadcastAll,
  fromFirst,
  gatherJson,
  gatherNumbers,
  ownPart,
  ownShare,
  reduceNumbers,
  shareOut,
  sumRecords,
} from './exchange.ts';
export { BUCKET_BYTES } from './flat-layout.ts';
export { type Mesh, rankName, type Work, waitAll } from './mesh.ts';
export { openMesh } from './open.ts';
export { ownSeconds } from './own-seconds.ts';
export { type RanksHere, ranksHere } from './ranks-here.ts';
export { type RowGroups, requireEvenGroups, rowGroups } from './row-groups.ts';
export { solo } from './solo.ts';
export type { CutWeights, Piece, ReduceTime, StepExchange } from './step-exchange.ts';
export { OptimizerShards } from './zero1.ts';
export { GradientShards } from './zero2.ts';
export { WeightShards, type WeightUnits } from './zero3.ts';
