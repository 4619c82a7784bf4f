// What a GGUF file of a model would be: the type and size of each tensor, whether llama.cpp can express it, how long it takes.
import type { Plamo2Config } from '../../../lm/index.ts';
import { type GgufType, ggufTensorBytes } from '../../../store/index.ts';
import { numElements } from '../../../torch/index.ts';
import { contextLength, requireExpressible } from './refusals.ts';
import { type MappedTensor, tensorMap } from './tensor-map.ts';
import { chooseType, type GgufFileType } from './types.ts';

export interface PlannedTensor extends MappedTensor {
  type: GgufType;
}

export interface GgufPlan {
  type: GgufFileType;
  /** Tokens of a text at most, as the file says. */
  context: number;
  tensors: readonly PlannedTensor[];
  /** Of the tensors. */
  bytes: number;
  /** bits of a weight, on average over all. */
  bitsPerWeight: number;
  /** Tensors, bytes and weights of each type. */
  byType: readonly { type: GgufType; tensors: number; bytes: number; weights: number }[];
  /** What is otherwise than the type says, in sentences. */
  notes: readonly string[];
  /** Of writing, on two cores: our guess from measurements of 2026. */
  seconds: number;
  /** Beyond the weights' own pages. */
  memoryBytes: number;
  diskBytes: number;
}

/** Nanoseconds of a weight, measured (docs/export.md); the disk's share is in them. */
const nanoseconds: Readonly<Record<GgufType, number>> = {
  F32: 4, F16: 3, BF16: 3, Q8_0: 6, Q4_0: 6, Q4_1: 6, Q5_0: 8, Q5_1: 8, Q4_K: 30, Q5_K: 30, Q6_K: 25,
}; // biome-ignore format: a table

/** Pieces of the largest tensor, libtorch, Node. Measured. */
const memoryBytes = 600e6;

/**
 * @param context tokens of a text at most; as many as the model's attention windows make no difference to unless given
 * @throws ConfigError for a model that llama.cpp cannot express, with the reason
 */
export function planGguf(config: Plamo2Config, type: GgufFileType, context?: number): GgufPlan {
  requireExpressible(config);
  const length = contextLength(config, context);
  const chosen = tensorMap(config).map((tensor) => ({ tensor, ...chooseType(tensor, type, config) }));
  const tensors = chosen.map(({ tensor, type }): PlannedTensor => ({ ...tensor, type }));
  const groups = Object.entries(Object.groupBy(tensors, ({ type }) => type)).map(([type, group]) => ({
    type: type as GgufType,
    tensors: group.length,
    bytes: group.reduce((sum, tensor) => sum + ggufTensorBytes(tensor), 0),
    weights: group.reduce((sum, { shape }) => sum + numElements(shape), 0),
  }));
  const total = (of: (group: (typeof groups)[number]) => number) => groups.reduce((sum, group) => sum + of(group), 0);
  const bytes = total((group) => group.bytes);
  return {
    type,
    context: length,
    tensors,
    bytes,
    bitsPerWeight: (8 * bytes) / total(({ weights }) => weights),
    byType: groups.sort((a, b) => b.bytes - a.bytes),
    notes: notesOn(chosen),
    seconds: total(({ type, weights }) => weights * nanoseconds[type]) / 1e9,
    memoryBytes,
    diskBytes: bytes,
  };
}

/** Which kinds of tensors got another type because their rows do not fit. */
function notesOn(chosen: readonly { tensor: MappedTensor; type: GgufType; instead?: GgufType }[]): string[] {
  const kinds = new Map<string, string>();
  for (const { tensor, type, instead } of chosen) {
    if (instead === undefined) continue;
    const kind = tensor.gguf.replace(/^blk\.\d+\./, '');
    const row = tensor.shape.at(-1)!;
    kinds.set(kind, `${kind} is ${type} instead of ${instead}: its rows of ${row} have no whole blocks of ${instead}`);
  }
  return [...kinds.values()];
}
