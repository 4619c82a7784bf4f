// Settings that change keys of a model's config. A config.json that others wrote may hold foreign keys; a setting that nothing
// reads would train another model than the one that was meant.
import { ConfigError, nearest } from '../base/index.ts';

/** The words of other tools, and ours where the names have none in common. */
const synonyms: Readonly<Record<string, string>> = {
  n_layers: 'num_hidden_layers',
  n_layer: 'num_hidden_layers',
  d_model: 'hidden_size',
  dim: 'hidden_size',
  n_embd: 'hidden_size',
  n_heads: 'num_attention_heads',
  n_head: 'num_attention_heads',
  n_kv_heads: 'num_key_value_heads',
  d_ff: 'intermediate_size',
  vocabulary_size: 'vocab_size',
  sliding_window: 'attention_window_size',
};

/** The key that is meant: another tool's word for it, the one that has all of its words, or a typo of it. */
function meant(key: string, known: readonly string[]): string | undefined {
  const name = key.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  const words = name.split('_');
  const holdsAll = (each: string) => words.every((word) => each.split('_').includes(word));
  return synonyms[name] ?? known.find(holdsAll) ?? nearest(name, known);
}

/** @throws ConfigError naming the first key that the model does not have, and the nearest that it has */
export function checkModelKeys(changes: object, known: readonly string[], where: string): void {
  const key = Object.keys(changes).find((each) => !known.includes(each));
  if (key === undefined) return;
  const near = meant(key, known);
  throw new ConfigError('unknown-key', `${where}: the model has no key "${key}"`, {
    remedy: near === undefined ? `Known: ${known.join(', ')}.` : `Did you mean "${near}"?`,
    fields: { key },
  });
}
