// Processes that write one checkpoint together: what each of them writes, and what they have to tell each other.
import { type DType, numBytes, numElements, Tensor } from '../../torch/index.ts';
import type { LazyTensor, NamedTensor } from '../safetensors/index.ts';

/** What a writer of a checkpoint needs of the others. */
export interface Writers {
  /** This process's number, from 0. */
  readonly rank: number;
  readonly world: number;
  /** For messages: "rank 2 on node7". */
  nameOf(rank: number): string;
  /** What each of them gives, by rank. All of them call it equally often; it throws when one of them is gone. */
  gather<T>(value: T): T[];
}

/** A process that writes by itself. */
export const alone: Writers = { rank: 0, world: 1, nameOf: () => 'this process', gather: (value) => [value] };

/** Elements of a tensor of which other writers have the rest. A writer has one piece of a tensor at most. */
export interface TensorPiece {
  readonly name: string;
  /** Of the whole tensor. */
  readonly shape: readonly number[];
  /** The place of the first element in the whole tensor, in row-major order. */
  readonly from: number;
  /** The elements, one after the other: of one dimension. */
  readonly tensor: Tensor | LazyTensor;
}

/** Where a piece belongs, as a part file's metadata has it. */
export type PiecePlace = Pick<TensorPiece, 'shape' | 'from'>;

const isPiece = (entry: NamedTensor | TensorPiece): entry is TensorPiece => !Array.isArray(entry);

/** What one writer writes of a group. */
export interface GroupPart {
  /** All names that this writer knows of, also of tensors that others write. */
  readonly names: string[];
  readonly tensors: NamedTensor[];
  readonly pieces: Record<string, PiecePlace>;
}

/** Groups of what a checkpoint holds. A whole tensor is one that every writer has alike. */
export type Groups = Readonly<Record<string, Iterable<NamedTensor | TensorPiece>>>;

/**
 * The share of writer `rank`: its own pieces, and whole tensors, which are shared out by their bytes. All writers come to the same
 * result, because all have the same whole tensors.
 */
export function shareOut(groups: Groups, { rank, world }: Pick<Writers, 'rank' | 'world'>): Map<string, GroupPart> {
  const shares = new Map<string, GroupPart>();
  const whole: { entry: NamedTensor; group: string; bytes: number }[] = [];
  const pieces: { entry: TensorPiece; group: string }[] = [];
  for (const [group, entries] of Object.entries(groups)) {
    const names: string[] = [];
    shares.set(group, { names, tensors: [], pieces: {} });
    for (const entry of entries) {
      names.push(isPiece(entry) ? entry.name : entry[0]);
      if (isPiece(entry)) pieces.push({ entry, group });
      else whole.push({ entry, group, bytes: numBytes(entry[1]) });
    }
  }
  // The largest first, each to the writer that has least.
  const loads: number[] = Array(world).fill(0);
  const own = new Set<NamedTensor>();
  for (const { entry, bytes } of whole.toSorted((a, b) => b.bytes - a.bytes)) {
    const to = loads.indexOf(Math.min(...loads));
    loads[to]! += bytes;
    if (to === rank) own.add(entry);
  }
  for (const { entry, group } of whole) if (own.has(entry)) shares.get(group)!.tensors.push(entry);
  for (const { entry, group } of pieces) {
    const { name, tensor, shape, from } = entry;
    shares.get(group)!.tensors.push([name, flat(tensor)]);
    shares.get(group)!.pieces[name] = { shape, from };
  }
  return shares;
}

/** A piece as it is written. */
function flat(tensor: Tensor | LazyTensor): Tensor | LazyTensor {
  if (tensor.shape.length === 1) return tensor;
  const about: { dtype: DType; shape: readonly number[] } = { dtype: tensor.dtype, shape: [numElements(tensor.shape)] };
  return {
    ...about,
    read: () => {
      const made = tensor instanceof Tensor ? tensor : tensor.read();
      return made instanceof Tensor ? made.reshape([-1]) : made;
    },
  };
}

/** The file of a writer's part of a group. */
export function partName(group: string, { rank, world }: Pick<Writers, 'rank' | 'world'>): string {
  if (world === 1) return group;
  const [part, all] = [rank + 1, world].map((number) => String(number).padStart(5, '0'));
  return `${group}-${part}-of-${all}`;
}

/** The group of a file, by its name without the ending. */
export const groupOf = (name: string): string => /^(.+)-\d{5,}-of-\d{5,}$/.exec(name)?.[1] ?? name;
