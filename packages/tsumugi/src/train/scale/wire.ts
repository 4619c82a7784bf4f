// What a rank sends in a step. S bytes over W ranks in a ring, as Gloo and NCCL do it:
//
//   reduce-scatter, all-gather   (W − 1)/W · S, in W − 1 messages one after the other
//   all-reduce                   both, one after the other
//
// With G bytes of gradients (float32), P bytes of trained weights (float32), Q bytes of all weights as they are gathered, and A
// micro-batches of a rank, a step takes
//
//   none    all-reduce G, after the last micro-batch
//   zero1   the same, and all-gather P after the update
//   zero2   A · reduce-scatter G, and all-gather P after the update
//   zero3   A · (all-gather Q before forward, again before backward, reduce-scatter G)
//
// Numbers that all ranks add up for the clipping are not counted.
import type { Plamo2Config } from '../../lm/index.ts';
import type { StepShape } from '../flops.ts';
import { bytesPerFloat } from '../memory-forecast.ts';
import { countParts, type TrainedPart } from '../trained-part.ts';
import type { RankCompute } from './rank-memory.ts';
import { type Ranks, rankShape, stateBytes } from './ranks.ts';

export type CollectiveKind = 'all-reduce' | 'reduce-scatter' | 'all-gather';

/** One kind of collective of a micro-batch or a step. */
export interface Collective {
  kind: CollectiveKind;
  /** Of the whole, all ranks' parts together. */
  bytes: number;
  /** Pieces it goes in, each as soon as it is there. */
  pieces: number;
  /** Share of the bytes in the piece that is beside no work: of gradients the last, of weights the first. */
  edge: number;
  /** What it may go on beside. */
  during: 'forward' | 'backward' | 'update';
  /** How often in a step: `bytes` each time. */
  times: number;
}

/** Rounds of a ring, each with (W − 1)/W of the bytes. */
export const roundsOf = (kind: CollectiveKind): number => (kind === 'all-reduce' ? 2 : 1);

/** Bytes that a rank sends, and receives, for a collective of so many. */
export const ringBytes = (kind: CollectiveKind, bytes: number, world: number): number =>
  (roundsOf(kind) * bytes * (world - 1)) / world;

/** The collectives of a step; none with a world of 1. */
export function stepCollectives(
  config: Plamo2Config,
  shape: StepShape,
  { world, shard, bucketBytes }: Ranks,
  part: TrainedPart = {},
  { dtype }: Pick<RankCompute, 'dtype'> = { dtype: 'float32' },
): Collective[] {
  if (world === 1) return [];
  const size = dtype === 'bfloat16' ? 2 : bytesPerFloat;
  const micro = rankShape(shape, world).gradientAccumulation;
  const { trained: bytes, frozen, buckets, embeddingGradient } = stateBytes(config, part, size, bucketBytes);
  const edgeOf = (pieces: number) => Math.max(1 / pieces, embeddingGradient / bytes);
  const inBuckets = { bytes, pieces: buckets, edge: edgeOf(buckets) };
  const updated: Collective = { ...inBuckets, kind: 'all-gather', during: 'update', times: 1 };
  const reduced = { ...inBuckets, during: 'backward' } as const;
  if (shard === 'none') return [{ ...reduced, kind: 'all-reduce', times: 1 }];
  if (shard === 'zero1') return [{ ...reduced, kind: 'all-reduce', times: 1 }, updated];
  if (shard === 'zero2') return [{ ...reduced, kind: 'reduce-scatter', times: micro }, updated];
  // A layer at a time, and embedding, last norm and head.
  const pieces = config.num_hidden_layers + 1;
  const inLayers = { pieces, edge: edgeOf(pieces), times: micro };
  const gathered = {
    ...inLayers,
    kind: 'all-gather',
    bytes: frozen + size * countParts(config, part).trained,
  } as const;
  return [
    { ...gathered, during: 'forward' },
    { ...gathered, during: 'backward' },
    { ...inLayers, kind: 'reduce-scatter', bytes, during: 'backward' },
  ];
}

/** Bytes that a rank sends in a step. */
export function wireBytes(
  config: Plamo2Config,
  shape: StepShape,
  ranks: Ranks,
  part?: TrainedPart,
  compute?: Pick<RankCompute, 'dtype'>,
): number {
  return stepCollectives(config, shape, ranks, part, compute).reduce(
    (sum, { kind, bytes, times }) => sum + times * ringBytes(kind, bytes, ranks.world),
    0,
  );
}
