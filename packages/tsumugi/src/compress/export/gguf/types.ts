// Which type each tensor of a GGUF file gets. Our choice throughout, after what is known of the model: Mamba's out_proj breaks at
// 8 bits (llama.cpp issue 24501), B, C and Δ steer the recurrence, and a tied embedding is the head, too.
import type { Plamo2Config } from '../../../lm/index.ts';
import { type GgufType, ggufTypeNames, ggufTypes } from '../../../store/index.ts';
import type { MappedTensor } from './tensor-map.ts';

/** The types that a file as a whole may have: one of the blocks' types, or a mix. */
export type GgufFileType = GgufType | 'Q4_K_M' | 'Q5_K_M';
export const ggufFileTypes: readonly GgufFileType[] = [...ggufTypeNames, 'Q4_K_M', 'Q5_K_M'];

/** llama.cpp's number of a file's type (general.file_type). */
export const fileTypeNumber: Readonly<Record<GgufFileType, number>> = {
  F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 7, Q5_0: 8, Q5_1: 9, Q4_K: 14, Q4_K_M: 15, Q5_K: 16, Q5_K_M: 17, Q6_K: 18, BF16: 32,
}; // biome-ignore format: a table

/** The 32-block type that stands in where a row has no whole blocks of 256, of no fewer bits. */
const fallback: Partial<Record<GgufType, GgufType>> = { Q4_K: 'Q5_0', Q5_K: 'Q5_1', Q6_K: 'Q8_0' };

interface ChosenType {
  type: GgufType;
  /** The type that was meant, where the tensor's rows do not fit it. */
  instead?: GgufType;
}

/** The type of a tensor in a file of type `fileType`. */
export function chooseType(tensor: MappedTensor, fileType: GgufFileType, config: Plamo2Config): ChosenType {
  if (!tensor.matrix) return { type: 'F32' };
  return fitting(meantType(tensor, fileType, config), tensor.shape.at(-1)!);
}

function meantType({ gguf }: MappedTensor, fileType: GgufFileType, config: Plamo2Config): GgufType {
  if (fileType === 'F32' || fileType === 'F16' || fileType === 'BF16') return fileType;
  if (gguf.endsWith('ssm_out.weight')) return 'BF16';
  // Small, and an error in Δ is an error in the exponent.
  if (gguf.endsWith('ssm_dt.weight')) return 'F32';
  if (gguf.endsWith('ssm_x.weight')) return 'Q8_0';
  if (fileType !== 'Q4_K_M' && fileType !== 'Q5_K_M') return fileType;
  const [base, raised]: [GgufType, GgufType] = fileType === 'Q4_K_M' ? ['Q4_K', 'Q5_K'] : ['Q5_K', 'Q6_K'];
  if (gguf === 'output.weight' || (gguf === 'token_embd.weight' && config.tie_word_embeddings)) return 'Q6_K';
  // Values share a matrix with queries and keys.
  if (gguf.endsWith('attn_qkv.weight')) return raised;
  const layer = Number(/^blk\.(\d+)\./.exec(gguf)?.[1]);
  if (gguf.endsWith('ffn_down.weight') && hasMoreBits(layer, config.num_hidden_layers)) return 'Q6_K';
  return base;
}

/** The first and last eighth of the layers, and every third pair between. */
function hasMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.ceil(layers / 8);
  return layer < eighth || layer >= layers - eighth || Math.floor((layer - eighth) / 2) % 3 === 2;
}

function fitting(type: GgufType, row: number): ChosenType {
  if (row % ggufTypes[type].block === 0) return { type };
  const smaller = fallback[type];
  if (smaller && row % ggufTypes[smaller].block === 0) return { type: smaller, instead: type };
  return { type: 'F16', instead: type };
}
