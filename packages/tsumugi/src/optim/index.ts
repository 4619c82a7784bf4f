// Optimizers, parameter groups, gradient clipping, learning-rate schedules.
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { clipGradNorm, clipScale, globalNorm, gradNorm } from './clip.ts';
export { findNotFinite } from './finite.ts';
export { checkGroups, decayGroups, isDecayed, type ParameterGroup } from './groups.ts';
export { Mutex } from './mutex.ts';
export {
  Optimizer,
  type OptimizerState,
  type ParameterPiece,
  type SharedOptimizer,
  type StatePart,
  type StepSettings,
} from './optimizer.ts';
export { RMSprop, type RMSpropOptions } from './rmsprop.ts';
export {
  constant,
  cosine,
  exponential,
  linear,
  oneMinusSqrt,
  type Schedule,
  sequence,
  warmUp,
  warmUpCosine,
  warmUpStableDecay,
} from './schedules.ts';
export { SGD, type SGDOptions } from './sgd.ts';
export type { OptimizerOptions, OptimizerSource } from './source.ts';
export type { Batch } from './updates.ts';
