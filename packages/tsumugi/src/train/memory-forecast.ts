// Peak memory of a training step, from the shapes alone: the tensors that exist at the moments that can
// be the highest, counted from what the layers make (lm/) and what their kernels on the CPU save and borrow (packages/native).
//
//   n tokens of a micro-batch   D hidden size   I inner size of the MLP   w = m·P width of the Mamba mixer
import { dtRank, isMamba, linearMaps, mambaWidth, type Plamo2Config, windowOf } from '../lm/index.ts';
import { type StepShape, scanChunk } from './flops.ts';
import { countParts, type TrainedPart } from './trained-part.ts';

export interface MemoryForecast {
  parameters: number;
  /** Numbers that are trained: of the parameters those that are not frozen, and what is added. */
  trained: number;
  /** Weights, and of those that are trained their gradients and two optimizer moments. */
  stateBytes: number;
  /** What comes on top at the highest moment: activations and the largest temporaries. */
  activationBytes: number;
  /** Of the process besides tensors: Node, libtorch, and freed memory that is kept for reuse. */
  runtimeBytes: number;
}

/** Weights, gradients and the optimizer's moments are float32, whatever a step computes in. */
export const bytesPerFloat = 4;
/** Floats of a vector register, to which kernels pad. */
const lanes = 16;
const padded = (size: number) => Math.ceil(size / lanes) * lanes;
const MiB = 2 ** 20;
/** Resident memory of a process with the engine loaded, before the first tensor: measured with libtorch 1.13. */
export const withoutTensors = 255 * MiB;

/**
 * Freed memory that the allocator keeps for reuse: as measured over rows of 512 to 32,768 tokens (tests/long/extend-32k.ts),
 * and never more than its bound (packages/native/src/memory.cc).
 */
const keptForReuse = (peakBytes: number) => Math.min(57 * MiB + 0.3 * peakBytes, 256 * MiB + peakBytes / 4);

/** What a step computes in: the bytes of its numbers. Statistics, states and losses are float32 in any case. */
type NumberBytes = 2 | 4;

/** Bytes of one layer at work: what forward leaves for backward, and the most that backward adds to it. */
interface LayerBytes {
  kept: number;
  backward: number;
}

function attentionBytes(config: Plamo2Config, index: number, rows: number, T: number, size: NumberBytes): LayerBytes {
  const { hidden_size: D, num_attention_heads: H, num_key_value_heads: K, hidden_size_per_head: d } = config;
  const n = rows * T;
  const qkv = n * (H + 2 * K) * d;
  // The kernel sums the gradients of keys and values over cuts of the queries, each with memory of its own: the cuts of
  // a window reach W further back than their queries, those of full attention hold two thirds of the keys on average.
  const heads = rows * K;
  const cuts = Math.max(1, Math.min(Math.ceil(lanes / heads), Math.ceil((T * H) / K / 192)));
  const window = windowOf(config, index) ?? T;
  const reached = Math.min(T + cuts * Math.min(window, T), T * ((2 / 3) * cuts + 1 / 2));
  const workspace = heads * padded(d) * (3 * T + 2 * Math.min(reached, cuts * T));
  return {
    kept: size * (2 * qkv + n * H * d) + bytesPerFloat * n * H,
    // Gradients of the block's output and of the mixer's; then those of q, k, v beside the kernel's own memory.
    backward: size * (n * (D + H * d) + qkv) + Math.max(bytesPerFloat * workspace, size * qkv),
  };
}

function mambaBytes(config: Plamo2Config, rows: number, T: number, size: NumberBytes): LayerBytes {
  const { hidden_size: D, mamba_num_heads: m, mamba_d_state: N } = config;
  const w = mambaWidth(config);
  const n = rows * T;
  const selected = 2 * N + dtRank(config);
  const chunks = rows * Math.ceil(T / Math.min(config.mamba_chunk_size, scanChunk));
  const states = chunks * m * N * padded(config.hidden_size_per_head);
  // The copy of in_proj by halves; in another type than the weights' it is one of the copies that are made.
  const halves = size === bytesPerFloat ? 2 * w * D : 0;
  return {
    // z, x, convolution, scan, gated; B, C and Δ before and after their norms.
    kept: size * n * (5 * w + selected) + bytesPerFloat * (n * (selected + 3 * m) + states + halves),
    // Gradients of z, of the scan and of its input, and of the states between chunks.
    backward: size * n * (D + 3 * w) + bytesPerFloat * (n * (selected + m) + states),
  };
}

/** Numbers of the matrices of one layer, the largest, or of all. */
function madeFloats(config: Plamo2Config, ofOneLayer: boolean): number {
  const layers = new Map<string, number>();
  for (const { path, outputs, inputs } of linearMaps(config)) {
    const layer = /layers\.(\d+)\./.exec(path)?.[1] ?? 'head';
    layers.set(layer, (layers.get(layer) ?? 0) + outputs * inputs);
  }
  const all = [...layers.values()];
  return ofOneLayer ? Math.max(...all) : all.reduce((sum, each) => sum + each, 0);
}

/** A step's memory by what it is, before it is said on how many processes. */
export interface StepMemory {
  parameters: number;
  trained: number;
  frozenBytes: number;
  /** The most that exists beside weights, gradients and optimizer. */
  highestBytes: number;
  /** The same at each moment that can be the highest where gradients have places of their own. */
  at: StepMoments;
  /** Whether the gradients of all that is trained exist at that moment, too. */
  withGradients: boolean;
}

/** Bytes beside weights, gradients and optimizer, and beside the places that gradients are put into. */
export interface StepMoments {
  /** When backward begins: logits, and gradients of hidden states and of the head. */
  loss: number;
  /** When backward is in a layer. A tied head's gradient waits for the embedding's. */
  layers: number;
  /** When backward ends: the embedding's gradient, added to a tied head's. */
  embedding: number;
  /** When backward has ended: the embedding's gradient. */
  end: number;
}

/**
 * What a step of this shape holds. With `activationCheckpointing` one layer's activations and every layer's input are held. What is
 * frozen counts as weights only.
 *
 * @param size bytes of the numbers that it computes in: matrices of another type are copied to it where they are used
 */
export function stepMemory(
  config: Plamo2Config,
  shape: StepShape,
  part: TrainedPart = {},
  size: NumberBytes = bytesPerFloat,
): StepMemory {
  const { batchSize: rows, sequenceLength: T, gradientAccumulation = 1, activationCheckpointing } = shape;
  const { hidden_size: D, intermediate_size: I, vocab_size: V } = config;
  const n = rows * T;
  const { parameters, trained, frozenBytes, isHeadFrozen, isEmbeddingFrozen } = countParts(config, part);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => {
    const mixer = isMamba(config, index)
      ? mambaBytes(config, rows, T, size)
      : attentionBytes(config, index, rows, T, size);
    // Norms' inputs and outputs, the MLP's gate and up and their product; in backward the gradients of these.
    const kept = mixer.kept + size * n * (6 * D + 3 * I);
    // Run again, a layer has its input from outside and saves no output. What backward has used is freed on the way: the
    // product before gate and up get their gradients, all of the MLP before the mixer's turn.
    const again = Math.max(
      kept - size * 2 * n * D + size * n * (D + 2 * I),
      mixer.kept + size * 2 * n * D + mixer.backward,
    );
    return { kept, backward: Math.max(mixer.backward, size * n * (D + 3 * I)), again };
  });
  // The loss's gradients with respect to hidden states and head, once as computed and once times the incoming one.
  const hidden = size * 3 * n * D;
  const headGradient = isHeadFrozen ? 0 : bytesPerFloat * V * D;
  const head = hidden + 2 * headGradient;
  const logits = bytesPerFloat * Math.min(n, Math.max(512, Math.floor(2 ** 24 / V))) * V;
  const inputs = size * n * D * (layers.length + 1) + bytesPerFloat * 5 * n; // of the layers, and the token ids
  const most = (part: (layer: (typeof layers)[number]) => number) => Math.max(...layers.map(part));
  const sum = layers.reduce((total, { kept }) => total + kept, 0);
  const held = inputs + (activationCheckpointing ? 0 : sum - size * n * D * layers.length);
  // Matrices that are made another type where they are used stay until backward has been through their layer.
  const isMade = size !== bytesPerFloat || part.asStored;
  const made = isMade ? size * madeFloats(config, activationCheckpointing) : 0;
  const inLayer = most(({ backward, again }) => (activationCheckpointing ? again : backward));
  const atLoss = logits + (isMade ? size * V * D : 0);
  const highestBytes = held + head + Math.max(atLoss, inLayer + made);
  const embeddingGradient = isEmbeddingFrozen ? 0 : bytesPerFloat * V * D;
  const isTied = config.tie_word_embeddings;
  const at = {
    loss: held + hidden + headGradient + Math.max(atLoss, headGradient),
    layers: held + (isTied ? headGradient : 0) + inLayer + made,
    embedding: inputs + (isTied ? 3 : 1) * embeddingGradient,
    end: inputs + embeddingGradient,
  };
  // Recomputed layers work beside the gradients of all layers after them, and accumulated gradients exist from the first
  // micro-batch on. Otherwise the highest moment is the beginning of backward.
  const withGradients = activationCheckpointing || gradientAccumulation > 1;
  return { parameters, trained, frozenBytes, highestBytes, at, withGradients };
}

/** Bytes of a training step on the CPU, by one process. */
export function forecastMemory(config: Plamo2Config, shape: StepShape, part: TrainedPart = {}): MemoryForecast {
  const { parameters, trained, frozenBytes, highestBytes, withGradients } = stepMemory(config, shape, part);
  const trainedBytes = trained * bytesPerFloat;
  const stateBytes = frozenBytes + 4 * trainedBytes;
  const peakBytes = Math.max(stateBytes, frozenBytes + (withGradients ? 4 : 3) * trainedBytes + highestBytes);
  return {
    parameters,
    trained,
    stateBytes,
    activationBytes: peakBytes - stateBytes,
    runtimeBytes: runtimeOf(peakBytes),
  };
}

/** Bytes of a process on the CPU whose tensors take so much at most, beside them. */
export const runtimeOf = (peakBytes: number): number => withoutTensors + keptForReuse(peakBytes);
