// Writing GGUF files, version 3: the metadata, then the tensors one after another as they are made. The file appears whole or not
// at all. Source of the format: ggml's docs/gguf.md.
import { invariant } from '../../base/index.ts';
import { OutputFile, type WrittenFile } from '../output-file.ts';
import { type GgufType, ggufTensorBytes, ggufTypes } from './types.ts';

/** A value with its type in the file. */
export type GgufTyped =
  | { u32: number }
  | { i32: number }
  | { f32: number }
  | { bool: boolean }
  | { string: string }
  | { strings: readonly string[] }
  | { i32s: readonly number[] }
  | { f32s: readonly number[] };

export type GgufMetadata = Readonly<Record<string, GgufTyped>>;

export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Slowest dimension first, as everywhere but in the file. */
  readonly shape: readonly number[];
  /** Its bytes, asked for once, when its turn comes. */
  pieces(): Iterable<Uint8Array>;
}

const alignment = 32;
const paddingAfter = (length: number) => Buffer.alloc((alignment - (length % alignment)) % alignment);

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const array = (type: number, count: number, elements: Uint8Array) =>
  Buffer.concat([u32(9), u32(type), u64(count), elements]);
const bytesOf = (values: Int32Array | Float32Array) => Buffer.from(values.buffer);

function renderValue(typed: GgufTyped): Buffer {
  if ('u32' in typed) return Buffer.concat([u32(4), u32(typed.u32)]);
  if ('i32' in typed) return Buffer.concat([u32(5), bytesOf(Int32Array.of(typed.i32))]);
  if ('f32' in typed) return Buffer.concat([u32(6), bytesOf(Float32Array.of(typed.f32))]);
  if ('bool' in typed) return Buffer.concat([u32(7), Buffer.of(typed.bool ? 1 : 0)]);
  if ('string' in typed) return Buffer.concat([u32(8), text(typed.string)]);
  if ('strings' in typed) return array(8, typed.strings.length, Buffer.concat(typed.strings.map(text)));
  if ('i32s' in typed) return array(5, typed.i32s.length, bytesOf(Int32Array.from(typed.i32s)));
  return array(6, typed.f32s.length, bytesOf(Float32Array.from(typed.f32s)));
}

/** Everything before the tensors' bytes. */
export function renderGgufHeader(metadata: GgufMetadata, tensors: readonly GgufTensor[]): Buffer {
  const entries = Object.entries(metadata);
  let offset = 0;
  const infos = tensors.flatMap((tensor) => {
    const { name, type, shape } = tensor;
    const info = [
      text(name),
      u32(shape.length),
      ...shape.toReversed().map(u64),
      u32(ggufTypes[type].number),
      u64(offset),
    ];
    const bytes = ggufTensorBytes(tensor);
    offset += bytes + paddingAfter(bytes).length;
    return info;
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(([key, value]) => [text(key), renderValue(value)]),
    ...infos,
  ]);
  return Buffer.concat([header, paddingAfter(header.length)]);
}

export interface WriteGgufOptions {
  /** Called after each piece with the bytes written so far and what there will be: a place to let other work run, or to stop. */
  onPiece?: ((done: number, total: number) => Promise<void> | void) | undefined;
}

/**
 * Writes a GGUF file; one that is there is replaced when the new one is complete.
 *
 * @throws UserError when the disk is full or the place cannot be written to; whatever `pieces` and `onPiece` throw
 */
export async function writeGguf(
  path: string,
  metadata: GgufMetadata,
  tensors: readonly GgufTensor[],
  { onPiece }: WriteGgufOptions = {},
): Promise<WrittenFile> {
  const total = tensors.reduce((sum, tensor) => sum + ggufTensorBytes(tensor), 0);
  using output = new OutputFile(path);
  output.write(renderGgufHeader(metadata, tensors));
  let done = 0;
  for (const tensor of tensors) {
    let length = 0;
    for (const piece of tensor.pieces()) {
      output.write(piece);
      length += piece.length;
      await onPiece?.(done + length, total);
    }
    invariant(length === ggufTensorBytes(tensor), `"${tensor.name}" has the bytes that its type and shape say`);
    output.write(paddingAfter(length));
    done += length;
  }
  return output.commit();
}
