// The tensors of a model that a config describes: names, shapes, and how many parameters each kind of layer has (spec 2.8).
import { invariant } from '../base/index.ts';
import { numElements } from '../torch/index.ts';
import { isMamba, type Plamo2Config, windowOf } from './config.ts';

/** Width of the Mamba mixer, m·P. */
export const mambaWidth = (config: Plamo2Config): number => config.mamba_num_heads * config.hidden_size_per_head;
/** Rank of Δ's projection, R. */
export const dtRank = (config: Plamo2Config): number => Math.max(64, Math.floor(config.hidden_size / 16));
/** Rows of the untied head: the vocabulary padded to a multiple of 16. */
export const paddedVocabulary = (config: Plamo2Config): number => Math.ceil(config.vocab_size / 16) * 16;

/** Name and shape of every checkpoint tensor, in layer order (spec 2.8). */
export function tensorShapes(config: Plamo2Config): Map<string, number[]> {
  const { hidden_size: h, intermediate_size: I, hidden_size_per_head: d, mamba_num_heads: m } = config;
  const { num_attention_heads: H, num_key_value_heads: K, mamba_d_state: N } = config;
  const width = mambaWidth(config);
  const R = dtRank(config);
  const shapes = new Map<string, number[]>([['model.embed_tokens.weight', [config.vocab_size, h]]]);
  const qkNorm: [string, number[]][] = [
    ['q_weight', [H, d]],
    ['k_weight', [K, d]],
  ];
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `model.layers.layers.${i}.`;
    const mixer: [string, number[]][] = isMamba(config, i)
      ? [
          ['in_proj.weight', [2 * width, h]],
          ['conv1d.weight', [width, 1, config.mamba_d_conv]],
          ['bcdt_proj.weight', [2 * N + R, width]],
          ['dt_proj.weight', [m, R]],
          ['dt_bias', [m]],
          ['A_log', [m]],
          ['D', [m]],
          ['dt_norm_weight', [R]],
          ['B_norm_weight', [N]],
          ['C_norm_weight', [N]],
          ['out_proj.weight', [h, width]],
        ]
      : [['qkv_proj.weight', [(H + 2 * K) * d, h]], ...(config.qk_norm ? qkNorm : []), ['o_proj.weight', [h, H * d]]];
    shapes.set(`${layer}pre_mixer_norm.weight`, [h]);
    for (const [name, shape] of mixer) shapes.set(`${layer}mixer.${name}`, shape);
    shapes.set(`${layer}post_mixer_norm.weight`, [h]);
    shapes.set(`${layer}pre_mlp_norm.weight`, [h]);
    shapes.set(`${layer}mlp.gate_up_proj.weight`, [2 * I, h]);
    shapes.set(`${layer}mlp.down_proj.weight`, [h, I]);
    shapes.set(`${layer}post_mlp_norm.weight`, [h]);
  }
  shapes.set('model.norm.weight', [h]);
  if (!config.tie_word_embeddings) shapes.set('lm_head.weight', [paddedVocabulary(config), h]);
  return shapes;
}

export interface ParameterRow {
  kind: string;
  tensors: number;
  parameters: number;
  /** Of the parameters, those that are not trained. */
  frozen: number;
}

/** Parameters by kind of layer, summing to the total: what the trainer prints. */
export function parameterTable(config: Plamo2Config, isFrozen?: (name: string) => boolean): ParameterRow[] {
  const table = new Map<string, ParameterRow>();
  for (const [name, shape] of tensorShapes(config)) {
    const layer = /layers\.(\d+)\.(\w+)/.exec(name);
    const kind = !layer
      ? name.includes('embed')
        ? 'embedding'
        : name.includes('lm_head')
          ? 'head'
          : 'norms'
      : layer[2] === 'mixer'
        ? isMamba(config, Number(layer[1]))
          ? 'Mamba mixers'
          : windowOf(config, Number(layer[1])) === null
            ? 'attention (full)'
            : 'attention (window)'
        : layer[2] === 'mlp'
          ? 'MLPs'
          : 'norms';
    const row = table.get(kind) ?? { kind, tensors: 0, parameters: 0, frozen: 0 };
    row.tensors++;
    row.parameters += numElements(shape);
    if (isFrozen?.(name)) row.frozen += numElements(shape);
    table.set(kind, row);
  }
  const rows = [...table.values()];
  invariant(
    rows.reduce((sum, row) => sum + row.tensors, 0) === tensorShapes(config).size,
    'the parameter table is complete',
  );
  return rows;
}
