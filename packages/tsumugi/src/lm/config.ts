// The published `config.json` of PLaMo 2: keys, defaults of the published config class, and which layer is of what kind.
// Source: pfnet/plamo-2-1b config.json and modeling_plamo.py (spec sections 1.2, 1.3, 2.1).
import { z } from 'zod';
import { ConfigError, editDistance, isObject, issueText } from '../base/index.ts';

const count = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const tokenId = z.int().nonnegative();
/** Some models end their texts with one of several tokens, some with none. */
const eosTokenId = z.union([tokenId, z.array(tokenId)], 'expected a token id, a list of them, or null').nullable();

const schema = z.object({
  hidden_size: count.default(4096),
  intermediate_size: count.default(13312),
  // A table of all tensors is made before the weights are looked at.
  num_hidden_layers: z.int().min(1).max(10_000).default(32),
  num_attention_heads: count.default(32),
  num_key_value_heads: count.default(4),
  hidden_size_per_head: count.default(128),
  mamba_enabled: z.boolean().default(true),
  mamba_num_heads: count.default(64),
  mamba_d_state: count.default(64),
  mamba_d_conv: z.int().min(2).default(4),
  mamba_step: z.int().default(2),
  mamba_chunk_size: count.default(256),
  attention_window_size: count.default(2048),
  full_attention_idx: z
    .array(z.int().nonnegative())
    .nullish()
    .transform((value) => value ?? []),
  rope_theta: z.number().positive().default(1e6),
  rope_local_theta: z.number().positive().default(1e4),
  rms_norm_eps: z.number().positive().default(1e-6),
  vocab_size: count.default(32000),
  tie_word_embeddings: z.boolean().default(true),
  max_position_embeddings: count.default(10 * 1024 * 1024),
  bos_token_id: tokenId.nullable().default(1),
  eos_token_id: eosTokenId.default(2),
  pad_token_id: tokenId.nullish().transform((value) => value ?? null),
  // Not a published key: every PLaMo 2 norms its queries and keys. False takes the norm and its weights away.
  qk_norm: z.boolean().default(true),
});

/** The names of the keys that shape a model. */
export const modelKeys = Object.keys(schema.shape);

/** The keys that shape the model, named as published; `qk_norm` is ours. */
export type Plamo2Config = z.output<typeof schema>;

// Published keys that change nothing here: other tools' bookkeeping (Transformers writes some of these into every file), and
// the mixture-of-experts keys that no released PLaMo 2 uses.
const inert = new Set(
  `architectures auto_map model_type tokenizer_class torch_dtype dtype transformers_version use_cache sliding_window
   linear_type fp8_accum_dtype eval_attention_n_bit eval_mlp_n_bit use_predefined_initial_state
   capacity_factor expert_dropout group_size k_expert n_expert shared_intermediate_size sparse_intermediate_size sparse_step
   image_token_id image_feature_size image_proj_type _name_or_path quantization quantization_config
   cls_token_id sep_token_id unk_token_id mask_token_id eod_token_id eoa_token_id eot_token_id eom_token_id sop_token_id
   boi_token_id eoi_token_id decoder_start_token_id forced_bos_token_id forced_eos_token_id`.split(/\s+/),
);

function checkKeys(json: Record<string, unknown>, where: string): void {
  const known = modelKeys;
  for (const key of Object.keys(json)) {
    if (known.includes(key) || inert.has(key)) continue;
    // Foreign keys are let through; a near miss of a key that matters is a mistake.
    const [near] = known
      .map((name) => ({ name, distance: editDistance(name, key) }))
      .filter(({ distance }) => distance <= 2)
      .sort((a, b) => a.distance - b.distance);
    if (near)
      throw new ConfigError('unknown-key', `${where}: unknown key "${key}"`, {
        remedy: `Did you mean "${near.name}"?`,
        fields: { key },
      });
  }
}

/**
 * Validates a `config.json` object and fills in the published defaults.
 *
 * @throws ConfigError naming the key, what was expected and what came.
 */
export function parseConfig(json: unknown, where = 'config.json'): Plamo2Config {
  if (!isObject(json))
    throw new ConfigError('bad-config', `${where}: expected a JSON object`, {
      remedy: 'Get the file again from where the model came from.',
    });
  const record = json;
  const type = record['model_type'];
  if (type !== undefined && type !== 'plamo2' && type !== 'plamo')
    throw new ConfigError('wrong-model-type', `${where}: model_type is "${type}", this model is "plamo2"`, {
      remedy: 'Point to a PLaMo 2 model folder.',
    });
  checkKeys(record, where);
  const parsed = schema.safeParse(record);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new ConfigError('bad-config', `${where}: ${issueText(issue, record)}`, {
      remedy: `Correct the value${where.endsWith('.json') ? ', or get the file again from where the model came from' : ''}.`,
      fields: { issues: parsed.error.issues },
    });
  }
  checkConfig(parsed.data, where);
  return parsed.data;
}

function checkConfig(config: Plamo2Config, where: string): void {
  const refuse = (message: string, remedy: string): never => {
    throw new ConfigError('bad-config', `${where}: ${message}`, { remedy });
  };
  if (config.mamba_enabled && config.mamba_step <= 1)
    refuse(`"mamba_step" is ${config.mamba_step}`, 'It must be greater than 1.');
  if (config.num_attention_heads % config.num_key_value_heads !== 0)
    refuse(
      `${config.num_attention_heads} attention heads cannot share ${config.num_key_value_heads} key/value heads evenly`,
      'Make num_attention_heads a multiple of num_key_value_heads.',
    );
  if (config.hidden_size_per_head % 2 !== 0)
    refuse(`"hidden_size_per_head" is ${config.hidden_size_per_head}`, 'RoPE turns pairs, so it must be even.');
  for (const index of config.full_attention_idx) {
    if (index >= config.num_hidden_layers || isMamba(config, index))
      refuse(`"full_attention_idx" names layer ${index}, which is no attention layer`, 'Name attention layers only.');
  }
}

/** The ids that an `eos_token_id` stands for. */
export function tokenIds(value: number | readonly number[] | null): readonly number[] {
  return typeof value === 'number' ? [value] : (value ?? []);
}

/** The ids that end a text according to a `generation_config.json`. @throws ConfigError */
export function generationEnds(json: Record<string, unknown> | undefined, where: string): readonly number[] {
  const parsed = z.looseObject({ eos_token_id: eosTokenId.optional() }).safeParse(json ?? {});
  if (parsed.success) return tokenIds(parsed.data.eos_token_id ?? null);
  throw new ConfigError('bad-config', `${where}: ${issueText(parsed.error.issues[0]!, json)}`, {
    remedy: 'Correct the value, or remove the file to use what config.json says.',
  });
}

const SEQUENCE_CLASSIFICATION = 'Plamo2ForSequenceClassification';

/** What config.json of a reward model says in place of a language model's: a model that classifies texts, with one number for a class. */
export const rewardKeys = { architectures: [SEQUENCE_CLASSIFICATION], num_labels: 1 };

/** Whether a `config.json` is a reward model's. */
export const isRewardConfig = (json: unknown): boolean =>
  isObject(json) && Array.isArray(json['architectures']) && json['architectures'].includes(SEQUENCE_CLASSIFICATION);

/**
 * The config as published, for `config.json`: our keys plus those that other tools read. `qk_norm` is written only when
 * it is false. vLLM, llama.cpp and the like know the published architecture alone; such a model gets an architecture's
 * name that they do not know, so that they refuse it rather than norm what was trained without.
 */
export function publishedConfig({ qk_norm, ...config }: Plamo2Config): Record<string, unknown> {
  return {
    architectures: [qk_norm ? 'Plamo2ForCausalLM' : 'Plamo2WithoutQkNormForCausalLM'],
    model_type: 'plamo2',
    tokenizer_class: 'Plamo2Tokenizer',
    torch_dtype: 'float32',
    use_cache: true,
    ...config,
    ...(!qk_norm && { qk_norm }),
    sliding_window: config.attention_window_size,
  };
}

/** `generation_config.json` of a model: the ids that begin and end its texts. */
export function generationConfigOf({
  bos_token_id,
  eos_token_id,
  pad_token_id,
}: Plamo2Config): Record<string, unknown> {
  const ids = Object.entries({ bos_token_id, eos_token_id, pad_token_id });
  return Object.fromEntries(ids.filter(([, id]) => id !== null));
}

/** Whether layer `index` mixes with Mamba (spec 2.1). */
export function isMamba(config: Plamo2Config, index: number): boolean {
  if (!config.mamba_enabled) return false;
  const half = Math.floor(config.mamba_step / 2);
  if (config.num_hidden_layers <= half) return index !== config.num_hidden_layers - 1;
  return index % config.mamba_step !== half;
}

/** Keys an attention layer's query sees before itself; null = all. */
export function windowOf(config: Plamo2Config, index: number): number | null {
  return config.full_attention_idx.includes(index) ? null : config.attention_window_size;
}

/** RoPE base of an attention layer. */
export function ropeBaseOf(config: Plamo2Config, index: number): number {
  return config.full_attention_idx.includes(index) ? config.rope_theta : config.rope_local_theta;
}
