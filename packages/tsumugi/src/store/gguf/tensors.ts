// The tensors of a GGUF file, read when they are asked for, from the file's own pages. Source of the format: ggml's docs/gguf.md.
import { type Stats, statSync } from 'node:fs';
import { CheckpointError, suggestion } from '../../base/index.ts';
import { MappedFile, type Tensor } from '../../torch/index.ts';
import { requireSameFile, withFile } from '../with-file.ts';
import { dequantize } from './codec.ts';
import { Cursor } from './cursor.ts';
import { type Gguf, parseMetadata } from './reader.ts';
import { ggufTensorBytes, ggufTypeOf, ggufTypes, unreadType } from './types.ts';

const longestName = 64 * 16;
const maxTensors = 1 << 16;
const maxDimensions = 4;
/** Where the file does not say another. */
const defaultAlignment = 32;

export interface GgufTensorInfo {
  /** ggml's number of the type (`ggufTypeOf`, `ggufTypeLabel`). */
  readonly type: number;
  /** Slowest dimension first, as everywhere but in the file. */
  readonly shape: readonly number[];
  /** From the beginning of the file. */
  readonly offset: number;
}

export class GgufFile implements Disposable {
  readonly path: string;
  readonly metadata: Gguf['metadata'];
  readonly tensors: ReadonlyMap<string, GgufTensorInfo>;
  readonly #status: Stats;
  #file: MappedFile | undefined;

  /** @throws DataError when the file cannot be opened, FormatError naming what breaks the format */
  constructor(path: string) {
    this.path = path;
    const { metadata, tensors, status } = withFile(path, (descriptor, status) => {
      const cursor = new Cursor(descriptor, status.size, path);
      const gguf = parseMetadata(cursor, path);
      return { metadata: gguf.metadata, tensors: readInfos(cursor, gguf), status };
    });
    this.metadata = metadata;
    this.tensors = tensors;
    this.#status = status;
  }

  /**
   * A tensor's values in float32.
   *
   * @throws CheckpointError with the nearest name when there is none, FormatError for a type that is not read, DataError when the
   *   file was changed
   */
  tensor(name: string): Tensor {
    const info = this.tensors.get(name);
    if (!info)
      throw new CheckpointError('no-such-tensor', `${this.path} holds no tensor "${name}"`, {
        remedy: suggestion(name, this.tensors.keys()),
        fields: { path: name, file: this.path },
      });
    const type = ggufTypeOf(info.type);
    if (!type) throw unreadType(this.path, name, info.type);
    const bytes = ggufTensorBytes({ type, shape: info.shape });
    using raw = this.#map().tensor(info.offset, 'uint8', [bytes]);
    return dequantize(type, raw, info.shape);
  }

  /** Maps the file on first use, if it is still the one whose header was read. */
  #map(): MappedFile {
    if (this.#file) return this.#file;
    const file = new MappedFile(this.path);
    requireSameFile(this.path, this.#status, statSync(this.path));
    this.#file = file;
    return file;
  }

  [Symbol.dispose](): void {
    this.#file = undefined;
  }
}

function readInfos(cursor: Cursor, { tensorCount, metadata }: Gguf): Map<string, GgufTensorInfo> {
  cursor.section = 'tensor';
  cursor.key = undefined;
  if (tensorCount > maxTensors) throw cursor.fail(`has ${tensorCount} tensors, more than ${maxTensors}`);
  const alignment = metadata.get('general.alignment') ?? defaultAlignment;
  if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment < 8 || alignment % 8 !== 0)
    throw cursor.fail(`aligns its tensors by ${String(alignment)}, which is no multiple of 8`);
  const infos = Array.from({ length: tensorCount }, (_, i) => {
    cursor.key = String(i + 1);
    const name = cursor.string(longestName);
    cursor.key = JSON.stringify(name);
    return { name, ...readInfo(cursor, alignment) };
  });
  const start = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensorInfo>();
  for (const { name, type, shape, offset, bytes } of infos) {
    cursor.key = JSON.stringify(name);
    if (tensors.has(name)) throw cursor.fail('is there twice');
    if (start + offset + bytes > cursor.bytes)
      throw cursor.fail(`ends at byte ${start + offset + bytes} of a file of ${cursor.bytes}`);
    tensors.set(name, { type, shape, offset: start + offset });
  }
  return tensors;
}

function readInfo(cursor: Cursor, alignment: number) {
  const count = cursor.take(4).readUInt32LE();
  if (count > maxDimensions) throw cursor.fail(`has ${count} dimensions, more than ${maxDimensions}`);
  const shape = Array.from({ length: count }, () => Number(cursor.take(8).readBigUInt64LE())).reverse();
  const type = cursor.take(4).readUInt32LE();
  const offset = Number(cursor.take(8).readBigUInt64LE());
  const elements = shape.reduce((a, b) => a * b, 1);
  if (shape.includes(0) || !Number.isSafeInteger(elements * 4) || !Number.isSafeInteger(offset))
    throw cursor.fail(`has the shape [${shape.join(', ')}], which no tensor has`);
  if (offset % alignment !== 0) throw cursor.fail(`begins at ${offset}, which is no multiple of ${alignment}`);
  const known = ggufTypeOf(type);
  const row = shape.at(-1) ?? 1;
  if (known && row % ggufTypes[known].block !== 0)
    throw cursor.fail(`has rows of ${row}, but blocks of ${known} have ${ggufTypes[known].block} elements`);
  return { type, shape, offset, bytes: known ? ggufTensorBytes({ type: known, shape }) : 0 };
}
