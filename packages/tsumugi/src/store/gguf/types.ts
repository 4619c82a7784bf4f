// The types of tensors in a GGUF file: their numbers in it, and how many elements make a block of how many bytes. Source: ggml's
// enum ggml_type, and the block layouts that its k-quants define.
import { FormatError } from '../../base/index.ts';
import { numElements } from '../../torch/index.ts';

interface BlockType {
  readonly number: number;
  /** Elements of a block, consecutive along the last dimension. */
  readonly block: number;
  /** Bytes of a block. */
  readonly bytes: number;
}

// biome-ignore format: a table
const types = {
  F32:  { number: 0,  block: 1,   bytes: 4 },
  F16:  { number: 1,  block: 1,   bytes: 2 },
  Q4_0: { number: 2,  block: 32,  bytes: 18 },
  Q4_1: { number: 3,  block: 32,  bytes: 20 },
  Q5_0: { number: 6,  block: 32,  bytes: 22 },
  Q5_1: { number: 7,  block: 32,  bytes: 24 },
  Q8_0: { number: 8,  block: 32,  bytes: 34 },
  Q4_K: { number: 12, block: 256, bytes: 144 },
  Q5_K: { number: 13, block: 256, bytes: 176 },
  Q6_K: { number: 14, block: 256, bytes: 210 },
  BF16: { number: 30, block: 1,   bytes: 2 },
} as const satisfies Record<string, BlockType>;

export type GgufType = keyof typeof types;
export const ggufTypes: Readonly<Record<GgufType, BlockType>> = types;
export const ggufTypeNames = Object.keys(types) as GgufType[];

const byNumber = new Map(ggufTypeNames.map((name) => [types[name].number as number, name]));

/** Types that other programs write and that are not read here. */
const foreign: Readonly<Record<number, string>> = {
  10: 'Q2_K', 11: 'Q3_K', 15: 'Q8_K', 16: 'IQ2_XXS', 17: 'IQ2_XS', 18: 'IQ3_XXS', 19: 'IQ1_S', 20: 'IQ4_NL', 21: 'IQ3_S',
  22: 'IQ2_S', 23: 'IQ4_XS', 24: 'I8', 25: 'I16', 26: 'I32', 27: 'I64', 28: 'F64', 29: 'IQ1_M', 34: 'TQ1_0', 35: 'TQ2_0',
  39: 'MXFP4',
}; // biome-ignore format: a table

/** The type with this number; undefined when it is none of those that are read. */
export const ggufTypeOf = (number: number): GgufType | undefined => byNumber.get(number);

/** What a type is called, also one that is not read. */
export const ggufTypeLabel = (number: number): string => byNumber.get(number) ?? foreign[number] ?? `type ${number}`;

/** The bytes of a tensor, whose last dimension is a multiple of the block. */
export const ggufTensorBytes = ({
  type,
  shape,
}: {
  readonly type: GgufType;
  readonly shape: readonly number[];
}): number => (numElements(shape) / types[type].block) * types[type].bytes;

/** The error for a tensor of a type that is not read. */
export const unreadType = (path: string, tensor: string, type: number): FormatError =>
  new FormatError('gguf-type', `${path}: tensor "${tensor}" is ${ggufTypeLabel(type)}, which is not read`, {
    remedy: `Get the model in one of: ${ggufTypeNames.join(', ')}.`,
    fields: { path, tensor },
  });
