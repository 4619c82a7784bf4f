// What llama.cpp's "plamo2" cannot express. It knows one RoPE base, no window, norms queries and keys always, and with the model's
// own ε; a file that says otherwise would be loaded and answer differently.
import { ConfigError } from '../../../base/index.ts';
import { isMamba, type Plamo2Config, ropeBaseOf, windowOf } from '../../../lm/index.ts';

/** The ε with which PLaMo 2 norms queries and keys, whatever rms_norm_eps is. */
const qkNormEpsilon = 1e-6;
/** What is written for a model that sees everything and says no length of its own. Our choice. */
const unlimitedContext = 32_768;
/** PLaMo 2's config class raises every max_position_embeddings to this: it says nothing of a model. */
const saysNothing = 10_485_760;

const attentionLayers = (config: Plamo2Config): number[] =>
  Array.from({ length: config.num_hidden_layers }, (_, i) => i).filter((i) => !isMamba(config, i));

/** The tokens of a text within which every layer sees everything, so that a window makes no difference. */
export function reachOf(config: Plamo2Config): number {
  const windows = attentionLayers(config).map((i) => windowOf(config, i) ?? Number.POSITIVE_INFINITY);
  return Math.min(...windows) + 1; // a token sees itself as well
}

/** The context length to write: the one asked for, or as long as the model's windows make no difference. */
export function contextLength(config: Plamo2Config, asked: number | undefined): number {
  const reach = reachOf(config);
  const { max_position_embeddings: positions } = config;
  if (asked === undefined && Number.isFinite(reach)) return reach - 1;
  const context = asked ?? (positions < saysNothing ? positions : unlimitedContext);
  if (context <= reach) return context;
  throw refusal(
    'gguf-window',
    `a text of ${context} tokens is longer than the attention window of ${reach - 1}, which llama.cpp does not know: it would see more than the model was trained to`,
    `Ask for a context of at most ${reach} (--context), or extend the model to full attention first (tsumugi extend).`,
  );
}

/** The one RoPE base of the attention layers. */
export function ropeBase(config: Plamo2Config): number {
  const bases = [...new Set(attentionLayers(config).map((i) => ropeBaseOf(config, i)))];
  if (bases.length === 1) return bases[0]!;
  throw refusal(
    'gguf-rope-bases',
    `its layers turn with different RoPE bases (${bases.join(' and ')}: full_attention_idx names some of the attention layers), and llama.cpp has one for all`,
    'Extend the model so that all attention layers are full (tsumugi extend), or export it with --format hf.',
  );
}

/** @throws ConfigError naming the setting and why llama.cpp cannot do it */
export function requireExpressible(config: Plamo2Config): void {
  if (!config.qk_norm)
    throw refusal(
      'gguf-qk-norm',
      'it was trained without a norm of queries and keys ("qk_norm": false), and llama.cpp always norms them',
      'Export it with --format hf.',
    );
  if (!config.mamba_enabled)
    throw refusal(
      'gguf-dense',
      'it has no Mamba layers ("mamba_enabled": false), and llama.cpp runs this architecture as a hybrid only',
      'Export it with --format hf.',
    );
  if (config.rms_norm_eps !== qkNormEpsilon)
    throw refusal(
      'gguf-epsilon',
      `its rms_norm_eps is ${config.rms_norm_eps}; llama.cpp norms queries and keys with it, too, where the model has ${qkNormEpsilon}`,
      'Export it with --format hf.',
    );
  ropeBase(config);
}

const refusal = (code: string, reason: string, remedy: string) =>
  new ConfigError(code, `the model cannot be a GGUF file for llama.cpp: ${reason}`, { remedy });
