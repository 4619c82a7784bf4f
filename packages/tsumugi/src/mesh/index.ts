// Processes that train together: meeting, collectives, gradients. The only folder that knows c10d.
export { BUCKET_BYTES, GradientBuckets, type ReduceTime } from './buckets.ts';
export { DEFAULT_TIMEOUT_SECONDS, type Place, placeOf } from './environment.ts';
export {
  broadcastAll,
  fromFirst,
  gatherJson,
  gatherNumbers,
  ownPart,
  ownShare,
  reduceNumbers,
  sumRecords,
} from './exchange.ts';
export type { Mesh, Work } from './mesh.ts';
export { openMesh, waitAll } from './open.ts';
export { solo } from './solo.ts';
