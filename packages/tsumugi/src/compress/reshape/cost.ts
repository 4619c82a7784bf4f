// What a model of a shape takes.
import { isMamba, type Plamo2Config, tensorShapes, windowOf } from '../../lm/index.ts';
import { type DType, dtypeBytes, numElements } from '../../torch/index.ts';

export interface ShapeCost {
  readonly parameters: number;
  /** Of the weights. */
  readonly bytes: number;
  /** Floating-point operations of one more token after `contextTokens`. */
  readonly flopsPerToken: number;
}

/** Tokens before the one whose operations are counted. */
const contextTokens = 2048;

/**
 * Two for each weight of a matrix, the head's among them; 4·H·d for each key in reach; in a Mamba layer 2·k for each channel of the
 * convolution and 5·N for each of the state (decay, input, sum, output).
 */
export function shapeCost(config: Plamo2Config, dtype: DType = 'float32'): ShapeCost {
  const { num_attention_heads: H, hidden_size_per_head: d, mamba_num_heads: m } = config;
  let [parameters, flops] = [0, 2 * config.vocab_size * config.hidden_size];
  for (const [name, shape] of tensorShapes(config)) {
    parameters += numElements(shape);
    if (name.endsWith('proj.weight')) flops += 2 * numElements(shape);
  }
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const keys = Math.min(contextTokens, windowOf(config, i) ?? contextTokens) + 1;
    flops += isMamba(config, i) ? m * d * (2 * config.mamba_d_conv + 5 * config.mamba_d_state) : 4 * H * d * keys;
  }
  return { parameters, bytes: parameters * dtypeBytes(dtype), flopsPerToken: flops };
}
