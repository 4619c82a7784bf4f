// For tests: small GGUF files with f32 tensors, at once.
import { writeFileSync } from 'node:fs';
import { type GgufTyped, renderGgufHeader } from './writer.ts';

export type Typed = GgufTyped;

export interface F32Tensor {
  name: string;
  /** Slowest dimension first, as everywhere but in the file. */
  shape: readonly number[];
  data: Float32Array;
}

/** The bytes of a file. */
export function renderGguf(metadata: Readonly<Record<string, Typed>>, tensors: readonly F32Tensor[] = []): Buffer {
  const header = renderGgufHeader(
    metadata,
    tensors.map(({ name, shape }) => ({ name, shape, type: 'F32', pieces: () => [] })),
  );
  const data = tensors.flatMap(({ data }) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return [bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32)];
  });
  return Buffer.concat([header, ...data]);
}

export function writeGguf(path: string, ...content: Parameters<typeof renderGguf>): void {
  writeFileSync(path, renderGguf(...content));
}
