// Which rows and columns of which tensor belong to a channel of each axis: what pruning takes away and growing adds.
//
//   hidden h   ffn I   query H and kv K heads of d channels   mamba m heads of P channels   dt R channels of Δ   vocabulary V
import { invariant } from '../../base/index.ts';
import { dtRank, type Plamo2Config, paddedVocabulary } from '../../lm/index.ts';

/** What can be made narrower or wider. `dt` follows `hidden`: R = max(64, ⌊h/16⌋). */
export type Axis = 'vocabulary' | 'hidden' | 'ffn' | 'query' | 'kv' | 'mamba' | 'dt';

/**
 * What a tensor does with the channels of a dimension:
 *  * `make`: its rows make them (and it is no norm);
 *  * `take`: its columns add them up;
 *  * `norm`: it is the gain of the norm that the channels pass on their way to what takes them;
 *  * `each`: a number of each channel that neither makes nor adds up.
 */
export type Role = 'make' | 'take' | 'norm' | 'each';

/** Rows or columns next to each other: `each` of them for every channel of an axis, channel after channel. */
export interface Run {
  readonly axis: Axis;
  readonly each: number;
  readonly role: Role;
}

/** The runs that a dimension is made of, in their order; a number stands for so many rows or columns of no axis. */
export type Layout = readonly (readonly (Run | number)[])[];

const run = (axis: Axis, role: Role, each = 1): Run => ({ axis, each, role });

/** How many channels an axis has. */
export function channelsOf(axis: Axis, config: Plamo2Config): number {
  switch (axis) {
    case 'vocabulary':
      return config.vocab_size;
    case 'hidden':
      return config.hidden_size;
    case 'ffn':
      return config.intermediate_size;
    case 'query':
      return config.num_attention_heads;
    case 'kv':
      return config.num_key_value_heads;
    case 'mamba':
      return config.mamba_num_heads;
    case 'dt':
      return dtRank(config);
  }
}

/** The layout of a checkpoint tensor (spec 2.8), by the last part of its name that tells it from others. */
export function layoutOf(name: string, config: Plamo2Config): Layout {
  const { hidden_size_per_head: d, mamba_d_state: N, mamba_d_conv: k, vocab_size: V } = config;
  const layouts: Readonly<Record<string, Layout>> = {
    embed_tokens: [[run('vocabulary', 'each')], [run('hidden', 'make')]],
    lm_head: [[run('vocabulary', 'each'), paddedVocabulary(config) - V], [run('hidden', 'take')]],
    pre_mixer_norm: [[run('hidden', 'norm')]],
    pre_mlp_norm: [[run('hidden', 'norm')]],
    norm: [[run('hidden', 'norm')]],
    // The rows before it have the scale that the residual stream has: see channel-map.ts.
    post_mixer_norm: [[run('hidden', 'each')]],
    post_mlp_norm: [[run('hidden', 'each')]],
    gate_up_proj: [[run('ffn', 'make'), run('ffn', 'make')], [run('hidden', 'take')]],
    down_proj: [[run('hidden', 'make')], [run('ffn', 'take')]],
    qkv_proj: [[run('query', 'make', d), run('kv', 'make', d), run('kv', 'make', d)], [run('hidden', 'take')]],
    q_weight: [[run('query', 'each')], [d]],
    k_weight: [[run('kv', 'each')], [d]],
    o_proj: [[run('hidden', 'make')], [run('query', 'take', d)]],
    in_proj: [[run('mamba', 'make', 2 * d)], [run('hidden', 'take')]], // z, then x of a head
    conv1d: [[run('mamba', 'each', d)], [1], [k]],
    bcdt_proj: [[2 * N, run('dt', 'make')], [run('mamba', 'take', d)]],
    dt_norm_weight: [[run('dt', 'norm')]],
    dt_proj: [[run('mamba', 'each')], [run('dt', 'take')]],
    dt_bias: [[run('mamba', 'each')]],
    A_log: [[run('mamba', 'each')]],
    D: [[run('mamba', 'each')]],
    B_norm_weight: [[N]],
    C_norm_weight: [[N]],
    out_proj: [[run('hidden', 'make')], [run('mamba', 'take', d)]],
  };
  const layout = layouts[tensorKind(name)];
  invariant(layout !== undefined, `"${name}" is a tensor of the model`);
  return layout;
}

/** `model.layers.layers.3.mixer.in_proj.weight` → `in_proj` */
export const tensorKind = (name: string): string => /([^.]+?)(?:\.weight)?$/.exec(name)![1]!;
