// Memory of a training step, from the shapes alone.
import { isMamba, type Plamo2Config, tensorShapes } from '../lm/index.ts';
import { numElements } from '../torch/index.ts';

export interface MemoryForecast {
  parameters: number;
  /** Parameters, their gradients and two optimizer moments, f32. */
  stateBytes: number;
  /** Activations kept for backward, and the largest temporaries. */
  activationBytes: number;
}

const f32 = 4;

/** Floats per token that a layer keeps for backward, from the saved inputs of its operators. */
function keptPerToken(config: Plamo2Config, index: number): number {
  const { hidden_size: h, intermediate_size: I, hidden_size_per_head: d } = config;
  const shared = 6 * h + 3 * I; // norm inputs and outputs, MLP's gate, up and product
  if (!isMamba(config, index)) {
    const { num_attention_heads: H, num_key_value_heads: K } = config;
    return shared + d * (2 * (H + 2 * K) + H);
  }
  const { mamba_num_heads: m, mamba_d_state: N } = config;
  return shared + 5 * m * d + 4 * N + 2 * m + (m * d * N) / Math.min(config.mamba_chunk_size, 64);
}

/** Bytes of a training step. With `checkpointLayers` one layer's activations plus every layer's input are held. */
export function forecastMemory(
  config: Plamo2Config,
  options: { batchSize: number; contextLength: number; checkpointLayers: boolean },
): MemoryForecast {
  let parameters = 0;
  for (const shape of tensorShapes(config).values()) parameters += numElements(shape);
  const stateBytes = parameters * f32 * 4;
  const tokens = options.batchSize * options.contextLength;
  const layers = Array.from({ length: config.num_hidden_layers }, (_, index) => keptPerToken(config, index));
  const kept = options.checkpointLayers
    ? Math.max(...layers) * 2 + layers.length * config.hidden_size
    : layers.reduce((sum, floats) => sum + floats, 0) + Math.max(...layers);
  const activationBytes = tokens * kept * f32;
  return { parameters, stateBytes, activationBytes };
}
