// What a rank sends in a step. S bytes over W ranks in a ring, as Gloo and NCCL do it:
//
//   reduce-scatter, all-gather   (W − 1)/W · S, in W − 1 messages one after the other
//   all-reduce                   both, one after the other
//
// With G bytes of gradients, P bytes of trained weights, L bytes of the weights of layers, R bytes of the others (embedding, last norm, head),
// and A micro-batches of a rank, a step takes
//
//   none    all-reduce G, after the last micro-batch
//   zero1   the same, and all-gather P after the update
//   zero2   A · reduce-scatter G, and all-gather P after the update
//   zero3   all-gather R, and A · (all-gather L in forward, again in backward, reduce-scatter G)
//
// Weights and gradients are sent as they are held: float32, whatever a step computes in. Frozen weights may be of another type. Numbers that all ranks add up for the clipping are not counted.
import type { Plamo2Config } from '../../lm/index.ts';
import type { StepShape } from '../flops.ts';
import type { TrainedPart } from '../trained-part.ts';
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
  /** What it may go on beside; all wait for it otherwise. */
  during: 'forward' | 'backward' | 'nothing';
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
): Collective[] {
  if (world === 1) return [];
  const micro = rankShape(shape, world).gradientAccumulation;
  const { trained, frozen, rest, restGradients, embeddingGradient, buckets } = stateBytes(config, part, bucketBytes);
  const edgeOf = (pieces: number, last: number) => Math.max(1 / pieces, last / trained);
  const inBuckets = { bytes: trained, pieces: buckets.length, edge: edgeOf(buckets.length, embeddingGradient) };
  const updated: Collective = { ...inBuckets, kind: 'all-gather', during: 'nothing', times: 1 };
  const reduced = { ...inBuckets, during: 'backward' } as const;
  if (shard === 'none') return [{ ...reduced, kind: 'all-reduce', times: 1 }];
  if (shard === 'zero1') return [{ ...reduced, kind: 'all-reduce', times: 1 }, updated];
  if (shard === 'zero2') return [{ ...reduced, kind: 'reduce-scatter', times: micro }, updated];
  const layers = config.num_hidden_layers;
  const gathered = {
    kind: 'all-gather',
    bytes: frozen + trained - rest,
    pieces: layers,
    edge: 1 / layers,
    times: micro,
  } as const;
  const pieces = layers + 1;
  return [
    { kind: 'all-gather', bytes: rest, pieces: 1, edge: 1, during: 'nothing', times: 1 },
    { ...gathered, during: 'forward' },
    { ...gathered, during: 'backward' },
    {
      kind: 'reduce-scatter',
      bytes: trained,
      pieces,
      edge: edgeOf(pieces, restGradients),
      during: 'backward',
      times: micro,
    },
  ];
}

/** Bytes that a rank sends in a step. */
export function wireBytes(config: Plamo2Config, shape: StepShape, ranks: Ranks, part?: TrainedPart): number {
  return stepCollectives(config, shape, ranks, part).reduce(
    (sum, { kind, bytes, times }) => sum + times * ringBytes(kind, bytes, ranks.world),
    0,
  );
}
