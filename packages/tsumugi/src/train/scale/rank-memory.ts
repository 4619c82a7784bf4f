// Peak memory of a rank, by part. With P numbers that are trained, W ranks, s bytes of a number that is computed in (4, or 2 in
// bfloat16), and float32 for what lasts:
//
//                 none     zero1     zero2     zero3
//   weights       4·P      4·P       4·P       4·P/W
//   gradients     4·P      4·P       4·P/W     4·P/W
//   optimizer     8·P      8·P/W     8·P/W     8·P/W
//   gathered      –        –         –         s · the larger of two layers, and a layer with embedding and head
//   on their way  –        –         2 buckets of gradients    4 · two layers
//   and over Gloo –        a bucket  one more of these
//
// Frozen weights are whole, with zero3 a W-th. Two of each, as one is worked on while the other is on the wire. Where gradients are whole
// they lie in the buckets that are summed (mesh/buckets.ts), from the beginning of a step to its end. Gloo gathers a layer, or a bucket of
// updated weights, into a copy of it, and has what is reduced and scattered twice, as it comes from all ranks (packages/native/src/mesh/collectives.cc).
// Activations are those of the rank's own rows. In bfloat16 the weights stay float32 and are copied where they are used: one layer's copies with activation checkpointing, all
// layers' without; with zero3 what is gathered is these copies.
import type { Plamo2Config } from '../../lm/index.ts';
import type { StepShape } from '../flops.ts';
import { bytesPerFloat, runtimeOf, stepMemory } from '../memory-forecast.ts';
import type { TrainedPart } from '../trained-part.ts';
import { isCut, type Ranks, rankShape, stateBytes } from './ranks.ts';

/** What a rank computes with. */
export interface RankCompute {
  device: 'cpu' | 'cuda';
  dtype: 'float32' | 'bfloat16';
}

/** Bytes of a rank at its highest moment; they add up to what it takes. */
export interface RankMemory {
  weights: number;
  gradients: number;
  optimizer: number;
  /** Weights of the layers that are worked on, where a rank holds its share only. */
  gathered: number;
  /** And the largest temporaries. */
  activations: number;
  /** Gradients on their way to other ranks. */
  buffers: number;
  /** Besides tensors: the process, libtorch, freed memory that is kept; on a GPU its context. */
  runtime: number;
}

const GiB = 2 ** 30;
/** Our assumption, not measured: the context of a GPU with NCCL's channels, and a share of the peak that is lost between tensors. */
const gpuRuntime = (peakBytes: number) => 2 * GiB + 0.05 * peakBytes;

/** Peak memory of the busiest rank; with a world of 1 that of `forecastMemory`, whatever `shard` says. */
export function rankMemory(
  config: Plamo2Config,
  shape: StepShape,
  ranks: Ranks,
  part: TrainedPart = {},
  { device, dtype }: RankCompute = { device: 'cpu', dtype: 'float32' },
): RankMemory {
  const { world, bucketBytes } = ranks;
  const shard = world === 1 ? 'none' : ranks.shard;
  const cut = isCut(shard);
  const size = dtype === 'bfloat16' ? 2 : bytesPerFloat;
  const step = stepMemory(config, rankShape(shape, world), part, { size, copies: !cut.weights });
  const { trained, frozen, layer, rest, layerGradients, bucket } = stateBytes(config, part, size, bucketBytes);
  const share = (bytes: number, ofRank: boolean) => (ofRank ? bytes / world : bytes);
  const weights = share(frozen + trained, cut.weights);
  const gradients = share(trained, cut.gradients);
  const optimizer = share(2 * trained, cut.optimizer);
  const isGloo = device === 'cpu';
  const gathered = cut.weights ? Math.max((isGloo ? 3 : 2) * layer, layer + rest) : 0;
  const copied = cut.optimizer && isGloo ? 1 : 0;
  const buffers = ((cut.gradients ? 2 : 0) + copied) * (cut.weights ? layerGradients : bucket);
  const state = weights + gradients + optimizer + gathered + buffers;
  // The end of backward, and the moment when most else exists: then no gradients may be on their way yet, and with one process there may
  // be none at all.
  const later = step.withGradients ? 0 : buffers + (world === 1 ? gradients : 0);
  const peak = Math.max(state, state - later + step.highestBytes);
  return {
    weights,
    gradients,
    optimizer,
    gathered,
    activations: peak - state,
    buffers,
    runtime: device === 'cpu' ? runtimeOf(peak) : gpuRuntime(peak),
  };
}

export const rankBytes = (memory: RankMemory): number => Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
