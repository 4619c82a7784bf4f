// How a training is spread over ranks (processes), for forecasts: what each rank holds of the model's state, and which rows of a
// step it takes. The stages are those of ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054).
//
//   none    every rank holds everything, and gradients are summed
//   zero1   the optimizer's state is cut into equal parts, one for each rank
//   zero2   and the gradients
//   zero3   and the weights: those of a layer are gathered where they are used
import { layerOf, type Plamo2Config, tensorShapes } from '../../lm/index.ts';
import { BUCKET_BYTES } from '../../mesh/index.ts';
import { numElements } from '../../torch/index.ts';
import type { StepShape } from '../flops.ts';
import { bytesPerFloat } from '../memory-forecast.ts';
import { countParts, type TrainedPart } from '../trained-part.ts';
import { type Shard, shards } from './shards.ts';

export { type Shard, shards };

export interface Ranks {
  /** Their number. */
  world: number;
  /** What is cut over them. */
  shard: Shard;
  /** Bytes of gradients that are summed at a time; a tensor is never cut. Those of a layer with `zero3`. */
  bucketBytes?: number | undefined;
}

/** Which parts of the state a rank holds its share of only. */
export const isCut = (shard: Shard) => ({
  optimizer: shard !== 'none',
  gradients: shard === 'zero2' || shard === 'zero3',
  weights: shard === 'zero3',
});

/** Micro-batches of a rank that has most of a step: rows are dealt out as evenly as they can be. */
export interface RankShape extends StepShape {
  gradientAccumulation: number;
}

/**
 * What the busiest rank does of a step: ⌈rows / world⌉ of its rows, in micro-batches of at most `batchSize`. The step is the same
 * whatever the world.
 */
export function rankShape(shape: StepShape, world: number): RankShape {
  const { batchSize, gradientAccumulation = 1 } = shape;
  const rows = Math.ceil((batchSize * gradientAccumulation) / world);
  return { ...shape, batchSize: Math.min(batchSize, rows), gradientAccumulation: Math.ceil(rows / batchSize) };
}

/** Bytes of the state of a model in float32, and of the pieces that go over the wire. */
export interface StateBytes {
  /** Weights that are trained; gradients are as many. */
  trained: number;
  frozen: number;
  /** Weights of the largest layer, and of what is in no layer: embedding, last norm, head. */
  layer: number;
  rest: number;
  /** Gradients of the embedding: they are whole when backward ends. */
  embeddingGradient: number;
  /** Gradients of the largest layer, and of the largest bucket; embedding and head, whose turn is last, are not looked at. */
  layerGradients: number;
  bucket: number;
  /** How many buckets there are. */
  buckets: number;
}

/**
 * @param size bytes of a trained weight where it is gathered
 * @param bucketBytes of a bucket, unless one tensor has more
 */
export function stateBytes(
  config: Plamo2Config,
  part: TrainedPart,
  size: number,
  bucketBytes = BUCKET_BYTES,
): StateBytes {
  const { parameters, trained, frozenBytes } = countParts(config, part);
  const frozenCount = parameters + (part.added ?? 0) - trained;
  const frozenSize = frozenCount === 0 ? 0 : frozenBytes / frozenCount;
  const added = (part.added ?? 0) / config.num_hidden_layers;
  const layers = Array.from({ length: config.num_hidden_layers }, () => ({ weights: size * added, gradients: added }));
  let [rest, tensor, embedding] = [0, 0, 0];
  const buckets = new Buckets(bucketBytes);
  // As backward makes gradients.
  for (const [name, shape] of [...tensorShapes(config)].reverse()) {
    const count = numElements(shape);
    const isFrozen = part.isFrozen?.(name) ?? false;
    const bytes = count * (isFrozen ? frozenSize : size);
    if (!isFrozen) buckets.add(bytesPerFloat * count);
    const index = layerOf(name);
    if (index === undefined) {
      rest += bytes;
      if (!isFrozen && name.includes('embed')) embedding = bytesPerFloat * count;
      continue;
    }
    const layer = layers[index]!;
    layer.weights += bytes;
    if (isFrozen) continue;
    layer.gradients += count;
    tensor = Math.max(tensor, count);
  }
  buckets.add(bytesPerFloat * (part.added ?? 0));
  return {
    trained: bytesPerFloat * trained,
    frozen: frozenBytes,
    layer: Math.max(...layers.map(({ weights }) => weights)),
    rest,
    embeddingGradient: embedding,
    layerGradients: bytesPerFloat * Math.max(...layers.map(({ gradients }) => gradients)),
    bucket: Math.min(bytesPerFloat * trained, Math.max(bucketBytes, bytesPerFloat * tensor)),
    buckets: buckets.count,
  };
}

/** Counts buckets that are filled with one tensor after the other. */
class Buckets {
  readonly #most: number;
  #filled = 0;
  count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(bytes: number): void {
    if (bytes === 0) return;
    if (this.count === 0 || this.#filled + bytes > this.#most) {
      this.count++;
      this.#filled = 0;
    }
    this.#filled += bytes;
  }
}
