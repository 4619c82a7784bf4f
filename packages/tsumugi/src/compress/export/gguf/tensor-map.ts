// PLaMo 2's tensors as llama.cpp names and keeps them (architecture "plamo2"): the norms' offsets are in their weights, A is
// −exp(A_log), the convolution has two dimensions, the head has no rows beyond the vocabulary. Source: llama.cpp's conversion of
// plamo2 and its loader, both checked by evaluating a file.
import { isMamba, layerPath, normOffset, type Plamo2Config, tensorShapes } from '../../../lm/index.ts';
import type { Tensor } from '../../../torch/index.ts';

export interface MappedTensor {
  /** Its name in the checkpoint. */
  readonly hf: string;
  /** Its name in a GGUF file. */
  readonly gguf: string;
  /** In the GGUF file and in the checkpoint, slowest dimension first. */
  readonly shape: readonly number[];
  readonly hfShape: readonly number[];
  /** Whether it is multiplied with activations, row by row: what may be quantized. */
  readonly matrix: boolean;
  /** What is in the file, of what is in the checkpoint (float32), and back. Views where nothing changes. */
  toGguf(x: Tensor): Tensor;
  toHf(x: Tensor): Tensor;
}

interface Change {
  shape?: (shape: readonly number[]) => number[];
  toGguf: (x: Tensor) => Tensor;
  toHf: (x: Tensor, shape: readonly number[]) => Tensor;
}

const same: Change = { toGguf: (x) => x, toHf: (x) => x };
const offset = (by: number): Change => ({ toGguf: (x) => x.add(by), toHf: (x) => x.sub(by) });
const decay: Change = { toGguf: (x) => x.exp().neg(), toHf: (x) => x.neg().log() };
const taps: Change = {
  shape: ([channels, , k]) => [channels!, k!],
  toGguf: (x) => x.squeeze(1),
  toHf: (x) => x.unsqueeze(1),
};

type Row = readonly [hf: string, gguf: string, change?: Change, matrix?: 'matrix'];

const everyLayer: readonly Row[] = [
  ['pre_mixer_norm.weight', 'attn_norm.weight', offset(normOffset.pre)],
  ['post_mixer_norm.weight', 'post_attention_norm', offset(normOffset.postMixer)],
  ['pre_mlp_norm.weight', 'ffn_norm.weight', offset(normOffset.pre)],
  ['post_mlp_norm.weight', 'post_ffw_norm', offset(normOffset.postMlp)],
  ['mlp.gate_up_proj.weight', 'ffn_up.weight', same, 'matrix'],
  ['mlp.down_proj.weight', 'ffn_down.weight', same, 'matrix'],
];
const attentionLayer: readonly Row[] = [
  ['mixer.qkv_proj.weight', 'attn_qkv.weight', same, 'matrix'],
  ['mixer.o_proj.weight', 'attn_output.weight', same, 'matrix'],
  ['mixer.q_weight', 'attn_q_norm.weight'],
  ['mixer.k_weight', 'attn_k_norm.weight'],
];
const mambaLayer: readonly Row[] = [
  ['mixer.in_proj.weight', 'ssm_in.weight', same, 'matrix'],
  ['mixer.conv1d.weight', 'ssm_conv1d.weight', taps],
  ['mixer.bcdt_proj.weight', 'ssm_x.weight', same, 'matrix'],
  ['mixer.dt_proj.weight', 'ssm_dt.weight', same, 'matrix'],
  ['mixer.dt_bias', 'ssm_dt.bias'],
  ['mixer.A_log', 'ssm_a', decay],
  ['mixer.D', 'ssm_d'],
  ['mixer.dt_norm_weight', 'ssm_dt_norm'],
  ['mixer.B_norm_weight', 'ssm_b_norm'],
  ['mixer.C_norm_weight', 'ssm_c_norm'],
  ['mixer.out_proj.weight', 'ssm_out.weight', same, 'matrix'],
];

/** Every tensor of a model in the order of the layers. The model norms its queries and keys. */
export function tensorMap(config: Plamo2Config): MappedTensor[] {
  const shapes = tensorShapes(config);
  const { vocab_size: V } = config;
  /** The checkpoint pads the head's rows to a multiple of 16. */
  const head: Change = {
    shape: ([, width]) => [V, width!],
    toGguf: (x) => x.narrow(0, 0, V),
    toHf: (x, [rows]) => (rows === V ? x : x.pad([0, 0, 0, rows! - V], 0)),
  };
  const mapped = (hf: string, gguf: string, change: Change = same, kind?: 'matrix'): MappedTensor => {
    const shape = shapes.get(hf)!;
    return {
      hf,
      gguf,
      shape: change.shape?.(shape) ?? shape,
      hfShape: shape,
      matrix: kind === 'matrix',
      toGguf: change.toGguf,
      toHf: (x) => change.toHf(x, shape),
    };
  };
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) =>
    [...everyLayer, ...(isMamba(config, i) ? mambaLayer : attentionLayer)].map(([hf, gguf, change, kind]) =>
      mapped(layerPath(i, hf), `blk.${i}.${gguf}`, change, kind),
    ),
  );
  return [
    mapped('model.embed_tokens.weight', 'token_embd.weight', same, 'matrix'),
    mapped('model.norm.weight', 'output_norm.weight', offset(normOffset.pre)),
    ...(config.tie_word_embeddings ? [] : [mapped('lm_head.weight', 'output.weight', head, 'matrix')]),
    ...layers.flat(),
  ];
}
