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

/** Bytes of the state of a model, which is float32 whatever a step computes in, and of the pieces that go over the wire. */
export interface StateBytes {
  /** Weights that are trained; gradients are as many. */
  trained: number;
  frozen: number;
  /** Weights of the largest layer, and of what is in no layer: embedding, last norm, head. */
  layer: number;
  rest: number;
  /** Gradients of the same. */
  layerGradients: number;
  restGradients: number;
  /** Gradients of the embedding: they are whole when backward ends. */
  embeddingGradient: number;
  /** Buckets of gradients, as backward fills them. */
  buckets: readonly number[];
}

/** @param bucketBytes of a bucket, unless one tensor has more */
export function stateBytes(config: Plamo2Config, part: TrainedPart, bucketBytes = BUCKET_BYTES): StateBytes {
  const { parameters, trained, frozenBytes } = countParts(config, part);
  const frozenCount = parameters + (part.added ?? 0) - trained;
  const frozenSize = frozenCount === 0 ? 0 : frozenBytes / frozenCount;
  const added = (bytesPerFloat * (part.added ?? 0)) / config.num_hidden_layers;
  const rest = { weights: 0, gradients: 0 };
  const layers = Array.from({ length: config.num_hidden_layers }, () => ({ weights: added, gradients: added }));
  let embedding = 0;
  const buckets: number[] = [];
  const fill = (bytes: number) => {
    if (bytes === 0) return;
    const filled = buckets.at(-1);
    if (filled === undefined || filled + bytes > bucketBytes) buckets.push(bytes);
    else buckets[buckets.length - 1] = filled + bytes;
  };
  // As backward makes gradients.
  for (const [name, shape] of [...tensorShapes(config)].reverse()) {
    const count = numElements(shape);
    const index = layerOf(name);
    const unit = index === undefined ? rest : layers[index]!;
    if (part.isFrozen?.(name)) {
      unit.weights += frozenSize * count;
      continue;
    }
    const bytes = bytesPerFloat * count;
    unit.weights += bytes;
    unit.gradients += bytes;
    if (index === undefined && name.includes('embed')) embedding = bytes;
    fill(bytes);
  }
  fill(bytesPerFloat * (part.added ?? 0));
  return {
    trained: bytesPerFloat * trained,
    frozen: frozenBytes,
    layer: Math.max(...layers.map(({ weights }) => weights)),
    rest: rest.weights,
    layerGradients: Math.max(...layers.map(({ gradients }) => gradients)),
    restGradients: rest.gradients,
    embeddingGradient: embedding,
    buckets,
  };
}
