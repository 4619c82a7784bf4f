// From window to full attention: a change of the config alone, since window and RoPE base have no parameters. A full
// layer's query sees every key before it and takes `rope_theta`; any other attention layer's query i sees the keys
// i − W ≤ j ≤ i, W + 1 with itself, and takes `rope_local_theta` (spec 2.1, 2.4).
import { ConfigError } from '../base/index.ts';
import { isMamba, type Plamo2Config, parseConfig } from '../lm/index.ts';

export interface AttentionSwitch {
  /** Attention layers that become full; those that are stay so. */
  layers: 'all' | readonly number[];
  /** RoPE base of full layers. */
  ropeTheta: number;
  /** RoPE base of window layers; as it is when left out. */
  ropeLocalTheta?: number | undefined;
  /** Window of the window layers; as it is when left out. */
  windowSize?: number | undefined;
}

/** The numbers of the attention layers. */
export const attentionLayers = (config: Plamo2Config): number[] =>
  Array.from({ length: config.num_hidden_layers }, (_, index) => index).filter((index) => !isMamba(config, index));

/** @throws ConfigError naming the attention layers when one of `layers` is none */
export function switchAttention(config: Plamo2Config, change: AttentionSwitch): Plamo2Config {
  const attention = attentionLayers(config);
  const chosen = change.layers === 'all' ? attention : change.layers;
  const wrong = chosen.find((index) => !attention.includes(index));
  if (wrong !== undefined)
    throw new ConfigError('no-attention-layer', `layer ${wrong} is no attention layer`, {
      remedy: `Name some of the layers ${attention.join(', ')}, or "all".`,
      fields: { layer: wrong, attentionLayers: attention },
    });
  const full = [...new Set([...config.full_attention_idx, ...chosen])].sort((a, b) => a - b);
  return parseConfig({
    ...config,
    full_attention_idx: full,
    ...(full.length > 0 && { rope_theta: change.ropeTheta }),
    ...(change.ropeLocalTheta !== undefined && { rope_local_theta: change.ropeLocalTheta }),
    ...(change.windowSize !== undefined && { attention_window_size: change.windowSize }),
  });
}
