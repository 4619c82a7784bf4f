// Shapes by name: the published models, and the small ones of the demo, the tests and the benchmark.
import { ConfigError, isObject, kindOf, suggestion } from '../base/index.ts';
import { modelKeys, type Plamo2Config, parseConfig } from './config.ts';
import { checkModelKeys } from './model-keys.ts';

const presets = {
  /** pfnet/plamo-2-1b: 218 tensors, 1,291,441,920 parameters. */
  '1b': {
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 16,
    num_attention_heads: 16,
    num_key_value_heads: 1,
    mamba_num_heads: 32,
    vocab_size: 100000,
    rope_theta: 10000,
  },
  /** pfnet/plamo-2-8b: 434 tensors. Window and RoPE bases follow the 1B; the published values are not public. */
  '8b': {
    hidden_size: 4096,
    intermediate_size: 16384,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    mamba_num_heads: 64,
    vocab_size: 100000,
    rope_theta: 10000,
  },
  /** The language model of pfnet/plamo-2.1-2b-vl (spec 1.4), with the untied head. */
  '2.1-2b': {
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    mamba_num_heads: 64,
    vocab_size: 100032,
    attention_window_size: 32768,
    rope_theta: 1e6,
    rope_local_theta: 1e6,
    tie_word_embeddings: false,
  },
  /** Our choice: the benchmark's model, 18.3 M parameters. */
  bench: {
    hidden_size: 384,
    intermediate_size: 1024,
    num_hidden_layers: 8,
    num_attention_heads: 6,
    num_key_value_heads: 2,
    hidden_size_per_head: 64,
    mamba_num_heads: 12,
    vocab_size: 8192,
    attention_window_size: 512,
  },
  /** Our choice: trains in minutes on two cores. */
  mini: {
    hidden_size: 256,
    intermediate_size: 704,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    hidden_size_per_head: 64,
    mamba_num_heads: 8,
    vocab_size: 4096,
    attention_window_size: 256,
  },
  /**
   * Our choice: a dense decoder like Llama, as large as `mini`: attention in every layer, reaching 4,096 tokens. It is
   * the place for PLaMo-100B's means of stability (QK-norm, z-loss; docs/stability.md). That model's own shape is not
   * published, so nothing of it is here; the layers' norms are PLaMo 2's.
   */
  dense: {
    mamba_enabled: false,
    hidden_size: 256,
    intermediate_size: 704,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    hidden_size_per_head: 64,
    vocab_size: 4096,
    attention_window_size: 4096,
  },
} satisfies Record<string, Partial<Plamo2Config>>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];

/** @throws ConfigError for a key that the model does not have, with the nearest that it has */
export const checkModelChanges = (changes: object, where: string): void => checkModelKeys(changes, modelKeys, where);

/** A preset's config with some keys changed. @throws ConfigError for an unknown preset or key */
export function preset(name: string, changes: Partial<Plamo2Config> = {}): Plamo2Config {
  if (!Object.hasOwn(presets, name))
    throw new ConfigError('unknown-preset', `there is no model preset "${name}"`, {
      remedy: suggestion(name, presetNames),
    });
  if (!isObject(changes))
    throw new ConfigError('bad-option', `preset ${name}: changes are an object, got ${kindOf(changes)}`, {
      remedy: 'Write for instance { num_hidden_layers: 2 }.',
    });
  checkModelChanges(changes, `preset ${name}`);
  return parseConfig({ ...presets[name as PresetName], ...changes }, `preset ${name}`);
}
