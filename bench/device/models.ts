// The language models that a device is measured with: the benchmark's, one of about 160 M parameters, and the published 1B shape.
import { type Plamo2Config, preset } from 'tsumugi/lm';

const medium = {
  hidden_size: 768,
  intermediate_size: 3584,
  num_hidden_layers: 12,
  num_attention_heads: 6,
  mamba_num_heads: 12,
  vocab_size: 40000,
};

/** `quick` cuts each to a shape that runs anywhere, in the same proportions of layers. */
export function modelConfigs(quick: boolean): Record<string, Plamo2Config> {
  const tiny = { hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, vocab_size: 512 };
  const heads = { num_attention_heads: 2, num_key_value_heads: 1, mamba_num_heads: 2 };
  const cut = quick ? { ...tiny, ...heads } : {};
  return {
    bench: preset('bench', cut),
    '160m': preset('1b', { ...medium, ...cut }),
    '1b': preset('1b', cut),
  };
}
