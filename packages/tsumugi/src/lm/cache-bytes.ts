// What a text is remembered by, in bytes: for forecasts.
import { isMamba, type Plamo2Config, windowOf } from './config.ts';
import { mambaWidth } from './tensor-shapes.ts';

/** Of one text of so many tokens, in float32. */
export function cacheBytes(model: Plamo2Config, length: number): number {
  const { num_hidden_layers: layers, mamba_d_conv, mamba_d_state, num_key_value_heads, hidden_size_per_head } = model;
  let floats = 0;
  for (let i = 0; i < layers; i++)
    floats += isMamba(model, i)
      ? mambaWidth(model) * (mamba_d_conv - 1 + mamba_d_state)
      : 2 * num_key_value_heads * hidden_size_per_head * Math.min(length, (windowOf(model, i) ?? Infinity) + 1);
  return 4 * floats;
}
