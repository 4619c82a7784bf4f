// Peak memory of a training step on the CPU in f32, from the shapes alone: the tensors that exist at the moments that can
// be the highest, counted from what the layers make (lm/) and what their kernels save and borrow (packages/native).
//
//   n tokens of a micro-batch   D hidden size   I inner size of the MLP   w = m·P width of the Mamba mixer
import { isMamba, linearMaps, mambaWidth, type Plamo2Config, tensorShapes, windowOf } from '../lm/index.ts';
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

const bytesPerFloat = 4;
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

/** Floats of one layer at work: what forward leaves for backward, and the most that backward adds to it. */
interface LayerFloats {
  kept: number;
  backward: number;
}

function attentionFloats(config: Plamo2Config, index: number, rows: number, T: number): LayerFloats {
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
    kept: 2 * qkv + n * (H * d + H),
    // Gradients of the block's output and of the mixer's; then those of q, k, v beside the kernel's own memory.
    backward: n * (D + H * d) + qkv + Math.max(workspace, qkv),
  };
}

function mambaFloats(config: Plamo2Config, rows: number, T: number): LayerFloats {
  const { hidden_size: D, mamba_num_heads: m, mamba_d_state: N } = config;
  const w = mambaWidth(config);
  const n = rows * T;
  const selected = tensorShapes(config).get('model.layers.layers.0.mixer.bcdt_proj.weight')![0]!; // 2N + R
  const chunks = rows * Math.ceil(T / Math.min(config.mamba_chunk_size, scanChunk));
  const states = chunks * m * N * padded(config.hidden_size_per_head);
  return {
    // z, x, convolution, scan, gated; B, C and Δ before and after their norms; the copy of in_proj by halves.
    kept: n * (5 * w + 2 * selected + 3 * m) + states + 2 * w * D,
    // Gradients of z, of the scan and of its input, and of the states between chunks.
    backward: n * (D + 3 * w + selected + m) + states,
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

/**
 * Bytes of a training step. With `activationCheckpointing` one layer's activations and every layer's input are held. What is
 * frozen counts as weights only.
 */
export function forecastMemory(config: Plamo2Config, shape: StepShape, part: TrainedPart = {}): MemoryForecast {
  const { batchSize: rows, sequenceLength: T, gradientAccumulation = 1, activationCheckpointing } = shape;
  const { hidden_size: D, intermediate_size: I, vocab_size: V } = config;
  const n = rows * T;
  const { parameters, trained, frozenBytes, isHeadFrozen } = countParts(config, part);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => {
    const mixer = isMamba(config, index) ? mambaFloats(config, rows, T) : attentionFloats(config, index, rows, T);
    // Norms' inputs and outputs, the MLP's gate and up and their product; in backward the gradients of these.
    const kept = mixer.kept + n * (6 * D + 3 * I);
    // Run again, a layer has its input from outside and saves no output. What backward has used is freed on the way: the
    // product before gate and up get their gradients, all of the MLP before the mixer's turn.
    const again = Math.max(kept - 2 * n * D + n * (D + 2 * I), mixer.kept + 2 * n * D + mixer.backward);
    return { kept, backward: Math.max(mixer.backward, n * (D + 3 * I)), again };
  });
  // The loss's gradients with respect to hidden states and head, once as computed and once times the incoming one.
  const head = 3 * n * D + (isHeadFrozen ? 0 : 2 * V * D);
  const logits = Math.min(n, Math.max(512, Math.floor(2 ** 24 / V))) * V;
  const inputs = n * D * (layers.length + 1) + 5 * n; // of the layers, and the token ids
  const most = (part: (layer: (typeof layers)[number]) => number) => Math.max(...layers.map(part));
  const sum = layers.reduce((total, { kept }) => total + kept, 0);
  const held = inputs + (activationCheckpointing ? 0 : sum - n * D * layers.length);
  // Matrices that are made float32 where they are used stay until backward has been through their layer.
  const made = part.asStored ? madeFloats(config, activationCheckpointing) : 0;
  const inLayer = most(({ backward, again }) => (activationCheckpointing ? again : backward));
  const highest = held + head + Math.max(logits + (part.asStored ? V * D : 0), inLayer + made);
  // Recomputed layers work beside the gradients of all layers after them, and accumulated gradients exist from the first
  // micro-batch on. Otherwise the highest moment is the beginning of backward.
  const gradients = activationCheckpointing || gradientAccumulation > 1 ? trained : 0;
  const stateBytes = frozenBytes + 4 * trained * bytesPerFloat;
  const peakBytes = Math.max(stateBytes, frozenBytes + (3 * trained + gradients + highest) * bytesPerFloat);
  const runtimeBytes = withoutTensors + keptForReuse(peakBytes);
  return { parameters, trained, stateBytes, activationBytes: peakBytes - stateBytes, runtimeBytes };
}
