// The work of a training step in floating-point operations, from the shapes alone: what is executed, so recomputation
// counts, and masked scores outside window and causality do not.
//
//   T tokens of a row   D hidden size   H query heads   d head size   m Mamba heads   P their size   N state size
//
// Forward, per token:
//   projection [out, in]   2·out·in
//   attention              4·H·d·(keys in reach, on average): scores and weighted values
//   convolution            2·k·m·P, of k taps
//   scan                   2·L·N + m·(2·L·P + 4·N·P): C·Bᵀ and its product inside chunks of L, states in and out
//   head                   2·V·D
// Backward is twice that for a projection (one product for its input, one for its weight) and 2.5 times for attention
// and scan, which compute their scores again. The head makes its gradients on the way and is never recomputed.
import { isMamba, layerOf, mambaWidth, type Plamo2Config, tensorShapes, windowOf } from '../lm/index.ts';
import { numElements } from '../torch/index.ts';
import { countParts, type TrainedPart } from './trained-part.ts';

/** One kind of step. */
export interface StepShape {
  /** Tokens of a row. */
  sequenceLength: number;
  /** Rows of a micro-batch. */
  batchSize: number;
  /** Micro-batches of a step; 1 when left out. */
  gradientAccumulation?: number | undefined;
  /** Of the tokens of a row, those that are predicted, on average: the head works on them alone. All when left out. */
  predicted?: number | undefined;
  activationCheckpointing: boolean;
}

/** Tokens of a chunk in the scan's kernel at most. */
export const scanChunk = 64;

/** Σ over a row's queries of the keys each sees: min(i, W) + 1 for query i. */
export function keysSeen(sequenceLength: number, window: number | null): number {
  const reach = window === null ? sequenceLength : Math.min(sequenceLength, window + 1);
  return reach * (sequenceLength - reach) + (reach * (reach + 1)) / 2;
}

/** Operations over a row, forward: products with weights that are trained, with frozen ones, and the rest. */
interface Forward {
  projections: number;
  frozen: number;
  mixing: number;
}

type IsFrozen = TrainedPart['isFrozen'];

/** Of each layer. */
function layersForward(config: Plamo2Config, T: number, isFrozen: IsFrozen): Forward[] {
  const { num_attention_heads: H, mamba_num_heads: m, hidden_size_per_head: P } = config;
  const { mamba_d_state: N, mamba_d_conv: k } = config;
  const L = Math.min(config.mamba_chunk_size, scanChunk);
  const scan = 2 * L * N + m * (2 * L * P + 4 * N * P);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => ({
    projections: 0,
    frozen: 0,
    mixing: isMamba(config, index)
      ? T * (scan + 2 * k * mambaWidth(config))
      : 4 * H * P * keysSeen(T, windowOf(config, index)),
  }));
  for (const [name, shape] of tensorShapes(config)) {
    const index = layerOf(name);
    if (index === undefined || !name.endsWith('proj.weight')) continue;
    layers[index]![isFrozen?.(name) ? 'frozen' : 'projections'] += 2 * T * numElements(shape);
  }
  return layers;
}

/**
 * Floating-point operations of a step whose layers cost so many times their forward; the head costs three times, and what is frozen
 * once less, as there is no product for its own gradient.
 */
function stepFlops(
  config: Plamo2Config,
  shape: StepShape,
  times: { projections: number; mixing: number },
  part: TrainedPart,
): number {
  const { sequenceLength: T, batchSize, gradientAccumulation = 1, predicted = T } = shape;
  const { isHeadFrozen } = countParts(config, part);
  let row = 2 * predicted * ((isHeadFrozen ? 2 : 3) * config.vocab_size * config.hidden_size);
  row += 2 * T * times.projections * (part.added ?? 0);
  for (const { projections, frozen, mixing } of layersForward(config, T, part.isFrozen)) {
    row += times.projections * projections + (times.projections - 1) * frozen + times.mixing * mixing;
  }
  return row * batchSize * gradientAccumulation;
}

/** Floating-point operations of a training step (one update), each row taken as one document. */
export function trainingFlops(config: Plamo2Config, shape: StepShape, part: TrainedPart = {}): number {
  const again = shape.activationCheckpointing ? 1 : 0;
  return stepFlops(config, shape, { projections: 3 + again, mixing: 3.5 + again }, part);
}

/**
 * Floating-point operations that the model needs for a training step: three times its forward, however it is computed, and twice that
 * of frozen products. Model FLOPs utilization counts these (Chowdhery et al. 2022, arXiv 2204.02311, appendix B).
 */
export const modelFlops = (config: Plamo2Config, shape: StepShape, part: TrainedPart = {}): number =>
  stepFlops(config, shape, { projections: 3, mixing: 3 }, part);
