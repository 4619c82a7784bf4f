// Peak memory of a rank, by part. With P numbers that are trained, W ranks, and float32 for what lasts and for what goes over the wire:
//
//                 none     zero1     zero2     zero3
//   weights       4·P      4·P       4·P       4·P/W
//   gradients     4·P      4·P       4·P/W     4·P/W
//   optimizer     8·P      8·P/W     8·P/W     8·P/W
//
// Frozen weights are whole, with zero3 a W-th. On top comes what is there at the highest of these moments (memory-forecast.ts has the activations
// of each):
//
//                 gathered, zero3     gradients on their way
//                                     zero2                             zero3
//   loss          rest                untied: the first bucket          untied: rest
//   layers        rest + 2 layers     a bucket + the one before it      rest + 2 layers
//   embedding     rest                the last two buckets              rest + a layer
//   end           rest                the last bucket                   rest
//   update        –                   zero1 and zero2, over Gloo: a copy of a bucket of weights
//
// "Rest" is what is in no layer: embedding, last norm, head. It is gathered from the first forward of a step to its end, and the place of its
// gradients is there from that of the last norm on. Of layers and buckets there are two, as one is worked on while the other is on the wire. Gloo has
// what is on its way twice, as it gathers into a copy, and reduces what comes from all ranks (packages/native/src/mesh/collectives.cc). Micro-batches after the
// first arrive beside the sum. Where gradients are whole they lie in the buckets that are summed (mesh/buckets.ts), from the beginning of a step to its
// end. Activations are those of the rank's own rows. In bfloat16 matrices are copied where they are used, gathered or not: one layer's with activation
// checkpointing, all layers' without.
import type { Plamo2Config } from '../../lm/index.ts';
import type { StepShape } from '../flops.ts';
import { bytesPerFloat, runtimeOf, type StepMemory, type StepMoments, stepMemory } from '../memory-forecast.ts';
import type { TrainedPart } from '../trained-part.ts';
import { isCut, type Ranks, rankShape, type Shard, type StateBytes, stateBytes } from './ranks.ts';

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
  /** Weights that are worked on, where a rank holds its share only: of layers, and of what is in none. */
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

/** What is there beside weights, gradients and optimizer. */
type Moment = Pick<RankMemory, 'gathered' | 'activations' | 'buffers'>;

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
  const own = rankShape(shape, world);
  const step = stepMemory(config, own, part, dtype === 'bfloat16' ? 2 : bytesPerFloat);
  const bytes = stateBytes(config, part, bucketBytes);
  const { trained, frozen } = bytes;
  const share = (bytes: number, ofRank: boolean) => (ofRank ? bytes / world : bytes);
  const lasting = {
    weights: share(frozen + trained, cut.weights),
    gradients: share(trained, cut.gradients),
    optimizer: share(2 * trained, cut.optimizer),
  };
  const isGloo = device === 'cpu';
  const wire: Wire = {
    sent: (bytes) => bytes * ((isGloo ? 2 : 1) + (own.gradientAccumulation > 1 ? 1 / world : 0)),
    copied: (bytes) => (isGloo ? bytes : 0),
    // A tied head has its gradient with the embedding's.
    atLoss: (bytes) => (config.tie_word_embeddings ? 0 : bytes),
  };
  const state = lasting.weights + lasting.gradients + lasting.optimizer;
  const beside = world === 1 ? [ofOneProcess(step, lasting.gradients)] : ofRanks(step, onTheWay(shard, bytes, wire));
  const all = ({ gathered, activations, buffers }: Moment) => gathered + activations + buffers;
  const highest = beside.reduce((a, b) => (all(b) > all(a) ? b : a));
  const peak = state + all(highest);
  const { gathered, activations, buffers } = highest;
  return { ...lasting, gathered, activations, buffers, runtime: isGloo ? runtimeOf(peak) : gpuRuntime(peak) };
}

/** The end of backward, or the moment when most else exists: then there may be no gradients yet. */
function ofOneProcess({ highestBytes, withGradients }: StepMemory, gradients: number): Moment {
  return { gathered: 0, activations: Math.max(0, highestBytes - (withGradients ? 0 : gradients)), buffers: 0 };
}

/** What ranks send each other holds, at each moment: [weights, gradients or copies]. */
type OnTheWay = Record<keyof StepMoments | 'update', readonly [gathered: number, buffers: number]>;

const ofRanks = ({ at }: StepMemory, wire: OnTheWay): Moment[] =>
  Object.entries(wire).map(([moment, [gathered, buffers]]) => ({
    gathered,
    buffers,
    activations: { ...at, update: 0 }[moment as keyof OnTheWay],
  }));

/** What bytes take that are sent. */
interface Wire {
  /** Of gradients on their way to be summed. */
  sent(bytes: number): number;
  /** Of weights that come, beside their place. */
  copied(bytes: number): number;
  /** Of gradients that are there before those of layers. */
  atLoss(bytes: number): number;
}

function onTheWay(shard: Shard, bytes: StateBytes, { sent, copied, atLoss }: Wire): OnTheWay {
  const { layer, rest, layerGradients, restGradients, buckets } = bytes;
  const [first = 0, last = 0, largest] = [buckets[0], buckets.at(-1), Math.max(0, ...buckets)];
  const none = [0, 0] as const;
  const whole = { loss: none, layers: none, embedding: none, end: none, update: none };
  if (shard === 'none') return whole;
  if (shard === 'zero1') return { ...whole, update: [0, copied(largest)] };
  if (shard === 'zero2') {
    const filling = buckets.map((bucket, i) => bucket + sent(buckets[i - 1] ?? 0));
    return {
      loss: [0, atLoss(first)],
      layers: [0, Math.max(0, ...filling)],
      embedding: [0, filling.at(-1) ?? 0],
      end: [0, sent(last)],
      update: [0, copied(largest)],
    };
  }
  return {
    loss: [rest, atLoss(restGradients)],
    layers: [rest + 2 * layer + copied(layer), restGradients + layerGradients + sent(layerGradients)],
    embedding: [rest, restGradients + sent(layerGradients)],
    end: [rest, sent(restGradients)],
    update: none,
  };
}

export const rankBytes = (memory: RankMemory): number => Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
