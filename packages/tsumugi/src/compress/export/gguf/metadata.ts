// What a GGUF file says of a PLaMo 2 model: sizes, tokenizer, chat template. Source: llama.cpp's conversion of plamo2, but for the
// head count, which is written for every layer: with its 0 for Mamba layers llama.cpp takes the size of the rotary embedding from
// the first layer, gets 0, and never answers (attention.head_count_kv = 0 marks them well enough).
import { ConfigError } from '../../../base/index.ts';
import { isMamba, mambaWidth, type Plamo2Config, publishedConfig } from '../../../lm/index.ts';
import type { GgufMetadata, JsonObject } from '../../../store/index.ts';
import { defaultTemplate, ggufPieceTypes, Tokenizer, type TokenizerFiles } from '../../../text/index.ts';
import { ropeBase } from './refusals.ts';
import { fileTypeNumber, type GgufFileType } from './types.ts';

/** The model's config.json as text, so that what llama.cpp has no word for (the window) comes back. Ours. */
export const CONFIG_KEY = 'tsumugi.config';
export const CHAT_TEMPLATE_KEY = 'tokenizer.chat_template';
export const PREFIX = 'plamo2';

/** Of rows of the embedding that no piece has, and that are called [PAD1], [PAD2], … */
const unused = { type: 5, score: -1000 };

interface MetadataSource {
  name: string;
  config: Plamo2Config;
  tokenizer: TokenizerFiles;
  /** tokenizer_config.json */
  tokenizerConfig: JsonObject | undefined;
  context: number;
  type: GgufFileType;
}

/** @throws FormatError when the tokenizer's pieces are no vocabulary, or more than the model has rows */
export function metadataOf(source: MetadataSource): GgufMetadata {
  return { ...sizesOf(source), ...vocabularyOf(source) };
}

function sizesOf({ name, config, context, type }: MetadataSource): GgufMetadata {
  const perLayer = (value: (mamba: boolean) => number) => ({
    i32s: Array.from({ length: config.num_hidden_layers }, (_, i) => value(isMamba(config, i))),
  });
  return {
    'general.architecture': { string: PREFIX },
    'general.type': { string: 'model' },
    'general.name': { string: name },
    'general.file_type': { u32: fileTypeNumber[type] },
    'general.quantization_version': { u32: 2 },
    [`${PREFIX}.vocab_size`]: { u32: config.vocab_size },
    [`${PREFIX}.context_length`]: { u32: context },
    [`${PREFIX}.embedding_length`]: { u32: config.hidden_size },
    [`${PREFIX}.block_count`]: { u32: config.num_hidden_layers },
    [`${PREFIX}.feed_forward_length`]: { u32: config.intermediate_size },
    [`${PREFIX}.attention.head_count`]: perLayer(() => config.num_attention_heads),
    [`${PREFIX}.attention.head_count_kv`]: perLayer((mamba) => (mamba ? 0 : config.num_key_value_heads)),
    [`${PREFIX}.attention.key_length`]: { u32: config.hidden_size_per_head },
    [`${PREFIX}.attention.value_length`]: { u32: config.hidden_size_per_head },
    [`${PREFIX}.attention.layer_norm_rms_epsilon`]: { f32: config.rms_norm_eps },
    [`${PREFIX}.rope.freq_base`]: { f32: ropeBase(config) },
    [`${PREFIX}.rope.dimension_count`]: { u32: config.hidden_size_per_head },
    [`${PREFIX}.ssm.conv_kernel`]: { u32: config.mamba_d_conv },
    [`${PREFIX}.ssm.inner_size`]: { u32: mambaWidth(config) },
    [`${PREFIX}.ssm.state_size`]: { u32: config.mamba_d_state },
    [`${PREFIX}.ssm.time_step_rank`]: { u32: config.mamba_num_heads },
    [`${PREFIX}.ssm.group_count`]: { u32: 0 },
    [CONFIG_KEY]: { string: JSON.stringify(publishedConfig(config)) },
  };
}

function vocabularyOf({
  config,
  tokenizer: { path, pieces, config: settings },
  tokenizerConfig,
}: MetadataSource): GgufMetadata {
  const { vocab_size: V } = config;
  const tokenizer = Tokenizer.fromPieces(pieces, { ...settings, modelVocabSize: V, source: path });
  const padding = V - pieces.length;
  const eos = [config.eos_token_id].flat()[0] ?? tokenizer.eosId;
  const template = defaultTemplate(tokenizerConfig);
  const bos = config.bos_token_id ?? tokenizer.bosId;
  for (const [key, id] of Object.entries({ bos_token_id: bos, eos_token_id: eos }))
    if (id >= V)
      throw new ConfigError('beyond-vocabulary', `the model's ${key} is ${id}, and its vocabulary has ${V} tokens`, {
        remedy: `Correct ${key} in config.json and generation_config.json.`,
        fields: { key, id, vocabularySize: V },
      });
  return {
    'tokenizer.ggml.model': { string: PREFIX },
    'tokenizer.ggml.pre': { string: 'default' },
    'tokenizer.ggml.tokens': {
      strings: [...pieces.map(({ text }) => text), ...Array.from({ length: padding }, (_, i) => `[PAD${i + 1}]`)],
    },
    'tokenizer.ggml.scores': { f32s: [...pieces.map(({ score }) => score), ...Array(padding).fill(unused.score)] },
    'tokenizer.ggml.token_type': {
      i32s: [...pieces.map(({ type }) => ggufPieceTypes.indexOf(type)), ...Array(padding).fill(unused.type)],
    },
    'tokenizer.ggml.bos_token_id': { u32: bos },
    'tokenizer.ggml.eos_token_id': { u32: eos },
    ...(tokenizer.opId !== undefined && { 'tokenizer.ggml.eot_token_id': { u32: tokenizer.opId } }),
    'tokenizer.ggml.padding_token_id': { u32: tokenizer.padId },
    'tokenizer.ggml.unknown_token_id': { u32: tokenizer.unkId },
    // Every text of this model begins with BOS, whether its training rows did or not.
    'tokenizer.ggml.add_bos_token': { bool: true },
    'tokenizer.ggml.add_eos_token': { bool: false },
    'tokenizer.ggml.add_space_prefix': { bool: false },
    ...(template !== undefined && { [CHAT_TEMPLATE_KEY]: { string: template } }),
  };
}
