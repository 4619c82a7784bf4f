// The time of a step over ranks. With F and B the seconds of a micro-batch's forward and backward on the busiest rank, A its
// micro-batches, and p pieces of communication of C seconds in all, each of which can begin when its part of the work is done:
//
//   pipelined(work, C) = max(work + e·C, C + work/p)
//
// as the last piece, a share e of C, or the first part of the work is beside nothing. The embedding's gradients are whole last of all, with zero3
// those of all that is in no layer, so e is their share where that is more than 1/p.
//
//   none, zero1   A·F + (A − 1)·B + pipelined(B, gradients)
//   zero2         A·(F + pipelined(B, gradients))
//   zero3         A·(pipelined(F, weights of layers) + pipelined(B, weights of layers, and gradients))
//
// and the update, and what nothing hides: with zero1 and zero2 the all-gather of the weights after it, with zero3 that of the weights of no
// layer before all else.
//
//   F + B      floating-point operations that are executed (flops.ts), recomputation included, per second of a rank
//   C          bytes on the wire (wire.ts) / the ring's bytes per second + messages · their latency
//   ring       all links work at once, so the slowest counts: between ranks of a host, or between hosts, where one rank of a
//              host sends to the next host at a time in each of the rings that share the host's network
//   messages   W − 1 in a round, of which one for each further host goes between hosts
//   update     AdamW and the norm read 20 bytes and write 12 for each number that the rank updates
import type { Plamo2Config } from '../../lm/index.ts';
import { modelFlops, type StepShape, trainingFlops } from '../flops.ts';
import { countParts, type TrainedPart } from '../trained-part.ts';
import { isCut, type Ranks, rankShape } from './ranks.ts';
import { type Collective, ringBytes, roundsOf, stepCollectives } from './wire.ts';

/** What ranks are and what joins them: measured, or published. */
export interface ClusterRates {
  /** Floating-point operations that a rank executes in a second, as `trainingFlops` counts them. */
  flops: number;
  /** Bytes of its memory that a rank reads and writes in a second; the update takes no time when left out. */
  memory?: number | undefined;
  /** Ranks on one host; all when left out. */
  ranksPerHost?: number | undefined;
  /** Bytes that a rank sends to the next of its host in a second, and seconds that a message takes besides. */
  inside: LinkRate;
  /** The same between two hosts, whatever the ranks on them. Needed for more than one. */
  between?: LinkRate | undefined;
}

export interface LinkRate {
  bytes: number;
  latency: number;
}

/** Seconds of a step. */
export interface StepTime {
  seconds: number;
  /** Forward and backward. */
  compute: number;
  update: number;
  /** On the wire in all. */
  communication: number;
  /** Of that, what nothing hides. */
  exposed: number;
}

/** A collective, and the seconds of it once. */
type Timed = Collective & { seconds: number };

/** Seconds by which communication in pieces, which begin as the work gets there, is longer than the work. */
function exposedBeside(work: number, beside: readonly Timed[]): number {
  const [sum, edges] = [
    beside.reduce((total, { seconds }) => total + seconds, 0),
    beside.reduce((total, { seconds, edge }) => total + edge * seconds, 0),
  ];
  const pieces = Math.min(...beside.map((each) => each.pieces));
  return Math.max(edges, sum + work / pieces - work);
}

/** Seconds of a collective, once. */
export function collectiveSeconds(
  { kind, bytes, pieces }: Pick<Collective, 'kind' | 'bytes' | 'pieces'>,
  world: number,
  { ranksPerHost = world, inside, between = inside }: ClusterRates,
): number {
  const hosts = Math.ceil(world / ranksPerHost);
  const links = [...(ranksPerHost > 1 ? [inside.bytes] : []), ...(hosts > 1 ? [between.bytes] : [])];
  const messages = (world - hosts) * inside.latency + (hosts - 1) * between.latency;
  return ringBytes(kind, bytes, world) / Math.min(...links) + pieces * roundsOf(kind) * messages;
}

/** Forecast of a step's time, with what of its communication is hidden. */
export function stepTime(
  config: Plamo2Config,
  shape: StepShape,
  ranks: Ranks,
  rates: ClusterRates,
  part: TrainedPart = {},
): StepTime {
  const { world } = ranks;
  const { gradientAccumulation: micro, ...rows } = rankShape(shape, world);
  const microFlops = { ...rows, gradientAccumulation: 1 };
  // Model FLOPs are three forwards.
  const forward = modelFlops(config, microFlops) / 3 / rates.flops;
  const backward = trainingFlops(config, microFlops, part) / rates.flops - forward;
  const compute = micro * (forward + backward);
  const share = isCut(ranks.shard).optimizer ? world : 1;
  const update = rates.memory === undefined ? 0 : (32 * countParts(config, part).trained) / share / rates.memory;
  const timed = stepCollectives(config, shape, ranks, part).map((each) => ({
    ...each,
    seconds: collectiveSeconds(each, world, rates),
  }));
  const total = (all: readonly Timed[]) => all.reduce((sum, { times, seconds }) => sum + times * seconds, 0);
  const during = (when: Collective['during']) => timed.filter((each) => each.during === when);
  let exposed = total(during('nothing'));
  for (const [when, work] of [
    ['forward', forward],
    ['backward', backward],
  ] as const) {
    const beside = during(when);
    // All of them are there as often.
    if (beside.length > 0) exposed += beside[0]!.times * exposedBeside(work, beside);
  }
  return { seconds: compute + update + exposed, compute, update, communication: total(timed), exposed };
}
