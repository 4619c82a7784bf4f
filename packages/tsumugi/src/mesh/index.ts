// The processes that train together. The trainer is written against this interface; one process is the case `world = 1`.
import type { Tensor } from '../torch/index.ts';

export interface Mesh {
  /** This process's number, 0 to world − 1. Rank 0 writes files and talks to the terminal. */
  readonly rank: number;
  /** The number of processes. */
  readonly world: number;
  /** Replaces each tensor by its sum over all processes, in place. Every process passes the same shapes in the same order. */
  allReduce(tensors: readonly Tensor[]): void;
  /** Returns when every process has arrived. */
  barrier(): void;
}

/** The mesh of one process. */
export const singleProcess: Mesh = {
  rank: 0,
  world: 1,
  allReduce() {},
  barrier() {},
};
