// The config of a PLaMo 2 model from the metadata of a GGUF file, ours or another's.
import { FormatError, parseJson } from '../../../base/index.ts';
import { isMamba, type Plamo2Config, parseConfig } from '../../../lm/index.ts';
import type { GgufFile } from '../../../store/index.ts';
import { CONFIG_KEY, PREFIX } from './metadata.ts';

/**
 * What files of ours say in `tsumugi.config`; of other files, what llama.cpp reads. Those know no window: it becomes the context
 * length, within which nothing changes.
 *
 * @throws FormatError for another architecture, or when something is missing
 */
export function readGgufConfig(file: GgufFile): Plamo2Config {
  const { metadata, path, tensors } = file;
  const refuse = (fault: string, remedy: string) =>
    new FormatError('gguf-not-plamo2', `${path} ${fault}`, { remedy, fields: { path } });
  const parts = metadata.get('split.count');
  if (typeof parts === 'number' && parts > 1)
    throw refuse(
      `is one of ${parts} parts of a model (split.count), which are not read one by one`,
      'Join them first: llama-gguf-split --merge FIRST-PART OUT.',
    );
  if (metadata.get('general.type') === 'adapter')
    throw refuse('is an adapter, no model', 'Merge it into its model with the tool that made it.');
  const architecture = metadata.get('general.architecture');
  if (architecture !== PREFIX)
    throw refuse(
      architecture === undefined ? 'holds no model' : `is a model of the architecture "${String(architecture)}"`,
      `Give a GGUF file of a PLaMo 2 model ("${PREFIX}").`,
    );
  const ours = metadata.get(CONFIG_KEY);
  if (typeof ours === 'string') return parseConfig(json(ours), `${path}: ${CONFIG_KEY}`);

  const number = (key: string): number => {
    const value = metadata.get(`${PREFIX}.${key}`);
    if (typeof value === 'number') return value;
    throw refuse(`does not say ${PREFIX}.${key}`, 'Get a file that was made by a newer converter.');
  };
  /** One for all layers, or one for each. Converters write 0 where a layer has none. */
  const perLayer = (key: string): number[] => {
    const value = metadata.get(`${PREFIX}.${key}`);
    const all = Array.isArray(value) ? value : Array(number('block_count')).fill(number(key));
    if (all.length === number('block_count') && all.every((each) => Number.isInteger(each))) return all as number[];
    throw refuse(`has ${all.length} values of ${PREFIX}.${key}`, 'Get the file again from where it came from.');
  };
  const table = tensors.get('token_embd.weight');
  if (!table) throw refuse('holds no tensor "token_embd.weight"', 'Get the file again from where it came from.');
  const kv = perLayer('attention.head_count_kv');
  const base = number('rope.freq_base');
  const context = number('context_length');
  return parseConfig(
    {
      hidden_size: number('embedding_length'),
      intermediate_size: number('feed_forward_length'),
      num_hidden_layers: number('block_count'),
      num_attention_heads: Math.max(...perLayer('attention.head_count')),
      num_key_value_heads: Math.max(...kv),
      hidden_size_per_head: number('attention.key_length'),
      mamba_num_heads: number('ssm.time_step_rank'),
      mamba_d_state: number('ssm.state_size'),
      mamba_d_conv: number('ssm.conv_kernel'),
      ...mambaPattern(kv, refuse),
      attention_window_size: Math.min(context, 2 ** 31 - 1),
      rope_theta: base,
      rope_local_theta: base,
      // Kept in float32, where 1e-6 is 9.99999997e-7.
      rms_norm_eps: Number(number('attention.layer_norm_rms_epsilon').toPrecision(6)),
      vocab_size: table.shape[0]!,
      tie_word_embeddings: !tensors.has('output.weight'),
      bos_token_id: metadata.get('tokenizer.ggml.bos_token_id') ?? 1,
      eos_token_id: metadata.get('tokenizer.ggml.eos_token_id') ?? 2,
    },
    path,
  );
}

function json(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** The mamba_step whose layers are Mamba where there are no key/value heads. */
function mambaPattern(kv: readonly number[], refuse: (fault: string, remedy: string) => FormatError) {
  const found = kv.map((heads) => heads === 0);
  if (!found.includes(true)) return { mamba_enabled: false };
  for (let mamba_step = 2; mamba_step <= 2 * kv.length; mamba_step++) {
    const config = { mamba_enabled: true, mamba_step, num_hidden_layers: kv.length } as Plamo2Config;
    if (found.every((mamba, i) => mamba === isMamba(config, i))) return { mamba_enabled: true, mamba_step };
  }
  throw refuse(
    `has Mamba layers where no mamba_step of PLaMo 2 puts them (${kv.join(', ')} key/value heads)`,
    'Such a model cannot be expressed in the published config.',
  );
}
