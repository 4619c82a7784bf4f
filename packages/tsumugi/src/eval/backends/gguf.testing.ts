// For tests: a PLaMo 2 model as llama.cpp expects it. Source: llama.cpp's conversion of plamo2, with the head count of every
// layer written out (gguf-check.ts says why). The exporter's map of tensors is repeated here on purpose: this folder may not use the
// exporter, and this is its twin, written from the source apart from it.
import { isMamba, type Plamo2Config, windowOf } from '../../lm/index.ts';
import type { Piece } from '../../text/index.ts';

/** What a GGUF writer takes; see store/gguf/testing.ts. */
interface Plamo2Gguf {
  metadata: Record<
    string,
    | { u32: number }
    | { f32: number }
    | { bool: boolean }
    | { string: string }
    | { strings: string[] }
    | { i32s: number[] }
    | { f32s: number[] }
  >;
  tensors: { name: string; shape: readonly number[]; data: Float32Array }[];
}

interface Weight {
  shape: readonly number[];
  data: Float32Array;
}

const tokenTypes = { NORMAL: 1, UNKNOWN: 2, CONTROL: 3, BYTE: 6 } as const;

/** @param pieces of the tokenizer; padding pieces fill the rest of the model's vocabulary */
export function plamo2Gguf(
  config: Plamo2Config,
  weight: (name: string) => Weight,
  pieces: readonly Piece[],
): Plamo2Gguf {
  const { num_hidden_layers: layers, vocab_size: V } = config;
  const tensors: Plamo2Gguf['tensors'] = [];
  const add = (name: string, from: string, change: (value: number) => number = (value) => value) => {
    const { shape, data } = weight(from);
    tensors.push({ name, shape, data: data.map(change) });
  };
  const plus = (offset: number) => (value: number) => value + offset;

  add('token_embd.weight', 'model.embed_tokens.weight');
  add('output_norm.weight', 'model.norm.weight', plus(1));
  if (!config.tie_word_embeddings) {
    // The head's rows are padded to a multiple of 16.
    const { shape, data } = weight('lm_head.weight');
    tensors.push({ name: 'output.weight', shape: [V, shape[1]!], data: data.slice(0, V * shape[1]!) });
  }
  for (let i = 0; i < layers; i++) {
    const from = `model.layers.layers.${i}`;
    const to = `blk.${i}`;
    add(`${to}.attn_norm.weight`, `${from}.pre_mixer_norm.weight`, plus(1));
    add(`${to}.post_attention_norm`, `${from}.post_mixer_norm.weight`, plus(1 / 5));
    add(`${to}.ffn_norm.weight`, `${from}.pre_mlp_norm.weight`, plus(1));
    add(`${to}.post_ffw_norm`, `${from}.post_mlp_norm.weight`, plus(1 / 5 ** 1.5));
    add(`${to}.ffn_up.weight`, `${from}.mlp.gate_up_proj.weight`);
    add(`${to}.ffn_down.weight`, `${from}.mlp.down_proj.weight`);
    const mixer = `${from}.mixer`;
    if (isMamba(config, i)) {
      add(`${to}.ssm_in.weight`, `${mixer}.in_proj.weight`);
      const { shape, data } = weight(`${mixer}.conv1d.weight`);
      tensors.push({ name: `${to}.ssm_conv1d.weight`, shape: [shape[0]!, shape[2]!], data });
      add(`${to}.ssm_x.weight`, `${mixer}.bcdt_proj.weight`);
      add(`${to}.ssm_dt.weight`, `${mixer}.dt_proj.weight`);
      add(`${to}.ssm_dt.bias`, `${mixer}.dt_bias`);
      add(`${to}.ssm_a`, `${mixer}.A_log`, (value) => -Math.exp(value));
      add(`${to}.ssm_d`, `${mixer}.D`);
      add(`${to}.ssm_dt_norm`, `${mixer}.dt_norm_weight`);
      add(`${to}.ssm_b_norm`, `${mixer}.B_norm_weight`);
      add(`${to}.ssm_c_norm`, `${mixer}.C_norm_weight`);
      add(`${to}.ssm_out.weight`, `${mixer}.out_proj.weight`);
    } else {
      add(`${to}.attn_qkv.weight`, `${mixer}.qkv_proj.weight`);
      add(`${to}.attn_output.weight`, `${mixer}.o_proj.weight`);
      add(`${to}.attn_q_norm.weight`, `${mixer}.q_weight`);
      add(`${to}.attn_k_norm.weight`, `${mixer}.k_weight`);
    }
  }

  const perLayer = (value: (layer: number) => number) => ({ i32s: Array.from({ length: layers }, (_, i) => value(i)) });
  const attention = Array.from({ length: layers }, (_, i) => i).find((i) => !isMamba(config, i)) ?? 0;
  const padded = Array.from(
    { length: V },
    (_, id): Piece => pieces[id] ?? { text: `[PAD${id}]`, score: -1000, type: 'NORMAL' },
  );
  const metadata: Plamo2Gguf['metadata'] = {
    'general.architecture': { string: 'plamo2' },
    'general.name': { string: 'test' },
    'plamo2.vocab_size': { u32: V },
    'plamo2.context_length': { u32: 4096 },
    'plamo2.embedding_length': { u32: config.hidden_size },
    'plamo2.block_count': { u32: layers },
    'plamo2.feed_forward_length': { u32: config.intermediate_size },
    'plamo2.attention.head_count': perLayer(() => config.num_attention_heads),
    'plamo2.attention.head_count_kv': perLayer((i) => (isMamba(config, i) ? 0 : config.num_key_value_heads)),
    'plamo2.attention.key_length': { u32: config.hidden_size_per_head },
    'plamo2.attention.value_length': { u32: config.hidden_size_per_head },
    'plamo2.attention.layer_norm_rms_epsilon': { f32: config.rms_norm_eps },
    'plamo2.rope.freq_base': {
      f32: windowOf(config, attention) === null ? config.rope_theta : config.rope_local_theta,
    },
    'plamo2.rope.dimension_count': { u32: config.hidden_size_per_head },
    'plamo2.ssm.conv_kernel': { u32: config.mamba_d_conv },
    'plamo2.ssm.inner_size': { u32: config.mamba_num_heads * config.hidden_size_per_head },
    'plamo2.ssm.state_size': { u32: config.mamba_d_state },
    'plamo2.ssm.time_step_rank': { u32: config.mamba_num_heads },
    'plamo2.ssm.group_count': { u32: 0 },
    'tokenizer.ggml.model': { string: 'plamo2' },
    'tokenizer.ggml.pre': { string: 'default' },
    'tokenizer.ggml.tokens': { strings: padded.map(({ text }) => text) },
    'tokenizer.ggml.scores': { f32s: padded.map(({ score }) => score) },
    'tokenizer.ggml.token_type': { i32s: padded.map(({ type }) => tokenTypes[type]) },
    'tokenizer.ggml.bos_token_id': { u32: 1 },
    'tokenizer.ggml.eos_token_id': { u32: 2 },
    'tokenizer.ggml.eot_token_id': { u32: 4 },
    'tokenizer.ggml.add_bos_token': { bool: true },
    'tokenizer.ggml.add_space_prefix': { bool: false },
  };
  return { metadata, tensors };
}
