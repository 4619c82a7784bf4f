// For tests: writes small GGUF files, version 3, with f32 tensors. Source of the format: ggml's docs/gguf.md.
import { writeFileSync } from 'node:fs';

/** A value with its type in the file. */
export type Typed =
  | { u32: number }
  | { i32: number }
  | { f32: number }
  | { bool: boolean }
  | { string: string }
  | { strings: readonly string[] }
  | { i32s: readonly number[] }
  | { f32s: readonly number[] };

export interface F32Tensor {
  name: string;
  /** Slowest dimension first, as everywhere but in the file. */
  shape: readonly number[];
  data: Float32Array;
}

const alignment = 32;

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (value: number) => Buffer.from(Float32Array.of(value).buffer);
const i32 = (value: number) => Buffer.from(Int32Array.of(value).buffer);
const string = (text: string) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
};
const array = (type: number, elements: readonly Buffer[]) =>
  Buffer.concat([u32(9), u32(type), u64(elements.length), ...elements]);

function value(typed: Typed): Buffer {
  if ('u32' in typed) return Buffer.concat([u32(4), u32(typed.u32)]);
  if ('i32' in typed) return Buffer.concat([u32(5), i32(typed.i32)]);
  if ('f32' in typed) return Buffer.concat([u32(6), f32(typed.f32)]);
  if ('bool' in typed) return Buffer.concat([u32(7), Buffer.of(typed.bool ? 1 : 0)]);
  if ('string' in typed) return Buffer.concat([u32(8), string(typed.string)]);
  if ('strings' in typed) return array(8, typed.strings.map(string));
  if ('i32s' in typed) return array(5, typed.i32s.map(i32));
  return array(6, typed.f32s.map(f32));
}

const padding = (length: number) => Buffer.alloc((alignment - (length % alignment)) % alignment);

/** The bytes of a file. */
export function renderGguf(metadata: Readonly<Record<string, Typed>>, tensors: readonly F32Tensor[] = []): Buffer {
  const entries = Object.entries(metadata);
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    const dimensions = tensor.shape.toReversed().map(u64);
    infos.push(string(tensor.name), u32(dimensions.length), ...dimensions, u32(0), u64(offset));
    const bytes = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    data.push(bytes, padding(bytes.length));
    offset += bytes.length + padding(bytes.length).length;
  }
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(([key, typed]) => [string(key), value(typed)]),
    ...infos,
  ]);
  return Buffer.concat([header, padding(header.length), ...data]);
}

export function writeGguf(path: string, ...content: Parameters<typeof renderGguf>): void {
  writeFileSync(path, renderGguf(...content));
}
