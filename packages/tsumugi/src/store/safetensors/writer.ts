// Writing safetensors: tensors stream to the disk in pieces; the file appears whole or not at all.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  atOnce,
  checkOptions,
  DataError,
  invariant,
  kindOf,
  makeFolder,
  type Steps,
  UserError,
} from '../../base/index.ts';
import { type DType, dtypeBytes, noGrad, numBytes, numElements, scope, Tensor } from '../../torch/index.ts';
import { writeJson } from '../json.ts';
import { OutputFile, type WrittenFile } from '../output-file.ts';
import { layoutOrder, type Metadata, renderHeader, type StoredCode, type TensorInfo } from './header.ts';
import { INDEX_FILE, WEIGHTS_FILE } from './sharded.ts';

/** A tensor that is made when its turn comes, so that a checkpoint larger than memory can be written. */
export interface LazyTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The numbers are codes of this format. */
  readonly stored?: StoredCode | undefined;
  /**
   * Called once, inside a scope: what it makes is freed after it was written. Pieces, whose elements one after the other are the
   * tensor's, are asked for one by one, and each is freed before the next: so a tensor need not fit into memory either.
   */
  read(): Tensor | Iterable<Tensor>;
}

export type NamedTensor = readonly [name: string, tensor: Tensor | LazyTensor];

/** What Transformers needs to load a file. */
const defaultMetadata: Metadata = { format: 'pt' };
/** The size of a shard in the published checkpoints' tools: 5 GB. */
export const DEFAULT_SHARD_BYTES = 5_000_000_000;
/** Tensors leave libtorch in pieces of this size. */
const pieceBytes = 32 << 20;

/** Tensors by name: pairs, a `Map`, or a plain object such as `model.stateDict()`. */
export type NamedTensors = Iterable<NamedTensor> | Readonly<Record<string, Tensor | LazyTensor>>;

function entriesOf(tensors: NamedTensors): Iterable<NamedTensor> {
  if (typeof tensors !== 'object' || tensors === null || tensors instanceof Tensor) throw notTensors(tensors);
  return Symbol.iterator in tensors ? (tensors as Iterable<NamedTensor>) : Object.entries(tensors);
}

const notTensors = (given: unknown) =>
  new UserError('bad-argument', `a safetensors file holds tensors by name, got ${kindOf(given)}`, {
    remedy: "Give model.stateDict(), an object like { weight }, or pairs like [['weight', tensor]].",
  });

type Entry = readonly [string, TensorInfo & { source: Tensor | LazyTensor }];

const isSource = (source: unknown): source is Tensor | LazyTensor =>
  source instanceof Tensor || (typeof source === 'object' && source !== null && 'read' in source);

function collect(tensors: NamedTensors): Entry[] {
  const seen = new Set<string>();
  return Array.from(entriesOf(tensors), (entry): Entry => {
    if (!Array.isArray(entry)) throw notTensors(entry);
    const [name, source] = entry as NamedTensor;
    if (typeof name !== 'string' || !isSource(source)) throw notTensors(typeof name === 'string' ? source : entry);
    if (seen.has(name) || name === '__metadata__' || !name.isWellFormed())
      throw new UserError(
        'bad-tensor-name',
        seen.has(name)
          ? `two tensors are called "${name}"`
          : `a tensor cannot be called "${name}" in a safetensors file`,
        { fields: { tensor: name } },
      );
    seen.add(name);
    const { dtype, shape } = source;
    const stored = source instanceof Tensor ? undefined : source.stored;
    return [name, { dtype, shape, bytes: numBytes(source), stored, source }];
  });
}

function writeTensor(output: OutputFile, [name, { dtype, shape, source }]: Entry): void {
  noGrad(() =>
    scope(() => {
      const made = source instanceof Tensor ? source : source.read();
      if (made instanceof Tensor) {
        const is = `${made.dtype}[${made.shape.join()}]`;
        invariant(
          is === `${dtype}[${shape.join()}]`,
          `"${name}" was announced as ${dtype}[${shape.join()}] and is ${is}`,
        );
        writePieces(output, made);
        return;
      }
      let left = numElements(shape);
      for (const piece of made) {
        left -= piece.numel();
        invariant(piece.dtype === dtype && left >= 0, `a piece of "${name}", announced as ${dtype}[${shape.join()}]`);
        writePieces(output, piece);
        piece.dispose();
      }
      invariant(left === 0, `${left} elements of "${name}" were not given`);
    }),
  );
}

function writePieces(output: OutputFile, tensor: Tensor): void {
  scope(() => {
    const flat = tensor.reshape([-1]);
    const step = pieceBytes / dtypeBytes(tensor.dtype);
    for (let start = 0; start < flat.numel(); start += step)
      scope(() => output.write(flat.narrow(0, start, Math.min(step, flat.numel() - start)).bytes()));
  });
}

/** A step is a tensor. */
function* writeEntries(path: string, entries: readonly Entry[], metadata: Metadata): Steps<WrittenFile> {
  const ordered = entries.toSorted(layoutOrder);
  using output = new OutputFile(path);
  output.write(renderHeader(ordered, metadata));
  for (const entry of ordered) {
    writeTensor(output, entry);
    yield;
  }
  return output.commit();
}

/**
 * Writes a safetensors file, laid out as the reference implementation does. Tensors may be on any device; an
 * existing file is replaced.
 */
export function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Metadata = defaultMetadata,
): WrittenFile {
  return atOnce(writeEntries(path, collect(tensors), metadata));
}

/** Cuts tensors, in their order, into shards of at most `maxBytes` (a larger tensor has one to itself). */
export function cutIntoShards<T>(tensors: readonly T[], bytesOf: (tensor: T) => number, maxBytes: number): T[][] {
  const shards: T[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (filled + bytes > maxBytes && shards.at(-1)!.length > 0) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  return shards;
}

/**
 * Writes weights into a folder: `model.safetensors`, or, when they are more than `maxShardBytes` (5 GB),
 * `model-00001-of-0000N.safetensors`, … and then `model.safetensors.index.json`. Returns the files.
 *
 * @throws DataError when the folder holds weights already
 */
export function writeSharded(folder: string, tensors: NamedTensors, options: ShardOptions = {}): WrittenFile[] {
  checkOptions('writeSharded', options, { maxShardBytes: true, metadata: true });
  return atOnce(shardedSteps(folder, tensors, options));
}

interface ShardOptions {
  maxShardBytes?: number;
  metadata?: Metadata;
}

/** `writeSharded`, tensor by tensor. */
export function* shardedSteps(
  folder: string,
  tensors: NamedTensors,
  { maxShardBytes = DEFAULT_SHARD_BYTES, metadata = defaultMetadata }: ShardOptions,
): Steps<WrittenFile[]> {
  makeFolder(folder);
  const present = readdirSync(folder).find((name) => /^model.*\.safetensors(\.index\.json)?$/.test(name));
  if (present)
    throw new DataError('place-taken', `${folder} already holds weights (${present})`, {
      remedy: 'Write to a new folder.',
      fields: { path: folder },
    });
  const shards = cutIntoShards(collect(tensors), ([, { bytes }]) => bytes, maxShardBytes);
  if (shards.length === 1) return [yield* writeEntries(join(folder, WEIGHTS_FILE), shards[0]!, metadata)];
  const written: WrittenFile[] = [];
  let isWhole = false;
  try {
    const weightMap: [string, string][] = [];
    const total = String(shards.length).padStart(5, '0');
    for (const [index, entries] of shards.entries()) {
      const file = `model-${String(index + 1).padStart(5, '0')}-of-${total}.safetensors`;
      written.push(yield* writeEntries(join(folder, file), entries, metadata));
      for (const [name] of entries) weightMap.push([name, file]);
    }
    const totalSize = shards.flat().reduce((sum, [, { bytes }]) => sum + bytes, 0);
    weightMap.sort(([a], [b]) => (a < b ? -1 : 1));
    writeJson(join(folder, INDEX_FILE), {
      metadata: { total_size: totalSize },
      weight_map: Object.fromEntries(weightMap),
    });
    isWhole = true;
    return written;
  } finally {
    if (!isWhole) for (const { path } of written) rmSync(path, { force: true });
  }
}
