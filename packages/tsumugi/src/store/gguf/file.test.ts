// Whole files: byte by byte, there and back, and what is wrong with their tensors.
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { RandomStream, sha256, UserError } from '../../base/index.ts';
import { Rng, randn, scope, tensor as valuesOf } from '../../torch/index.ts';
import { dequantize, quantizePieces } from './codec.ts';
import { GgufFile } from './tensors.ts';
import { ggufTypeNames, ggufTypes } from './types.ts';
import { type GgufTensor, writeGguf } from './writer.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-gguf-file-'));
afterAll(() => rmSync(home, { recursive: true }));
const path = join(home, 'model.gguf');

const bytesOf = (...numbers: number[]) => Uint8Array.from(numbers);
const tensor = (changes: Partial<GgufTensor> & { bytes?: Uint8Array } = {}): GgufTensor => ({
  name: 'w',
  type: 'F16',
  shape: [2, 3],
  pieces: () => [changes.bytes ?? bytesOf(...Array.from({ length: 12 }, (_, i) => i))],
  ...changes,
});

it('is written byte by byte as the format says', async () => {
  const written = await writeGguf(path, { 'a.b': { u32: 5 }, 紬: { strings: ['x'] } }, [
    tensor(),
    tensor({ name: 'v', type: 'F32', shape: [1], pieces: () => [bytesOf(1, 2), bytesOf(3, 4)] }),
  ]);
  const u32 = (n: number) => [n, 0, 0, 0];
  const u64 = (n: number) => [n, 0, 0, 0, 0, 0, 0, 0];
  const text = (string: string) => [...u64(Buffer.byteLength(string)), ...Buffer.from(string)];
  const header = [
    ...Buffer.from('GGUF'), ...u32(3), ...u64(2), ...u64(2),
    ...text('a.b'), ...u32(4), ...u32(5),
    ...text('紬'), ...u32(9), ...u32(8), ...u64(1), ...text('x'),
    ...text('w'), ...u32(2), ...u64(3), ...u64(2), ...u32(1), ...u64(0), // dimensions in reverse
    ...text('v'), ...u32(1), ...u64(1), ...u32(0), ...u64(32),
  ]; // biome-ignore format: the lines are parts of the file
  while (header.length % 32 !== 0) header.push(0);
  const data = [...Array.from({ length: 12 }, (_, i) => i), ...Array(20).fill(0), 1, 2, 3, 4, ...Array(28).fill(0)];
  const bytes = readFileSync(path);
  expect([...bytes]).toEqual([...header, ...data]);
  expect(written).toEqual({ path, bytes: bytes.length, sha256: sha256(bytes) });
});

it('gives back tensors of every type', async () => {
  const x = scope(() => randn([3, 2, 512], new Rng(0)).keep());
  const tensors = ggufTypeNames.map((type) =>
    tensor({ name: type, type, shape: x.shape, pieces: () => quantizePieces(type, x) }),
  );
  await writeGguf(path, { 'general.architecture': { string: 'x' } }, tensors);
  using file = new GgufFile(path);
  expect(file.metadata.get('general.architecture')).toBe('x');
  expect([...file.tensors].map(([name, { type, shape, offset }]) => [name, type, shape, offset % 32])).toEqual(
    ggufTypeNames.map((name) => [name, ggufTypes[name].number, [3, 2, 512], 0]),
  );
  for (const type of ggufTypeNames)
    scope(() => {
      const bytes = Uint8Array.from(Buffer.concat([...quantizePieces(type, x)]));
      expect(file.tensor(type).tolist()).toEqual(dequantize(type, valuesOf(bytes), x.shape).tolist());
    });
  x.dispose();
});

it('tells how far it is, and leaves nothing behind when it is stopped', async () => {
  const seen: [number, number][] = [];
  const pieces = () => [bytesOf(0, 0, 0, 0), bytesOf(0, 0, 0, 0, 0, 0, 0, 0)];
  await writeGguf(path, {}, [tensor({ pieces }), tensor({ name: 'v' })], { onPiece: (...at) => void seen.push(at) });
  expect(seen).toEqual([[4, 24], [12, 24], [24, 24]]); // biome-ignore format: pairs
  const before = readFileSync(path);
  const stop = () => {
    throw new Error('stop');
  };
  await expect(writeGguf(path, {}, [tensor({ pieces })], { onPiece: stop })).rejects.toThrow('stop');
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(home)).toEqual(['model.gguf']);
});

/** A file with one tensor, and where its description begins. */
async function one(changes: Partial<GgufTensor> = {}): Promise<{ bytes: Buffer; info: number }> {
  await writeGguf(path, {}, [tensor(changes)]);
  return { bytes: readFileSync(path), info: 24 };
}

it.each<[string, (bytes: Buffer, info: number) => unknown, RegExp]>([
  ['five dimensions', (b, at) => void b.writeUInt32LE(5, at + 9), /tensor "w" has 5 dimensions, more than 4/],
  ['no elements', (b, at) => void b.writeBigUInt64LE(0n, at + 13), /has the shape \[2, 0\], which no tensor has/],
  ['too many', (b, at) => void b.writeBigUInt64LE(1n << 62n, at + 13), /which no tensor has/],
  ['a crooked place', (b, at) => void b.writeBigUInt64LE(3n, at + 33), /begins at 3, which is no multiple of 32/],
  ['a place beyond the end', (b, at) => void b.writeBigUInt64LE(64n, at + 33), /"w" ends at byte 172 of a file of 128/],
  ['rows of no whole blocks', (b, at) => void b.writeUInt32LE(8, at + 29), /rows of 3, but blocks of Q8_0 have 32/],
  ['its end cut off', (b) => b.subarray(0, 100), /ends at byte 108 of a file of 100/],
  ['half a description', (b) => b.subarray(0, 40), /more than the file has room for|ends after the end/],
])('refuses a tensor with %s', async (_, change, message) => {
  const { bytes, info } = await one();
  const changed = change(bytes, info);
  writeFileSync(path, changed instanceof Buffer ? changed : bytes);
  expect(() => new GgufFile(path)).toThrow(
    expect.objectContaining({ code: 'bad-gguf', message: expect.stringMatching(message) }),
  );
});

it('refuses the same name twice, an odd alignment, a type that is not read, a name that is not there', async () => {
  await writeGguf(path, {}, [tensor(), tensor()]);
  expect(() => new GgufFile(path)).toThrow('tensor "w" is there twice');
  await writeGguf(path, { 'general.alignment': { u32: 12 } }, [tensor()]);
  expect(() => new GgufFile(path)).toThrow('aligns its tensors by 12');
  const { bytes, info } = await one();
  bytes.writeUInt32LE(23, info + 29);
  writeFileSync(path, bytes);
  using file = new GgufFile(path);
  expect(() => file.tensor('w')).toThrow(
    expect.objectContaining({
      code: 'gguf-type',
      message: expect.stringContaining(`${path}: tensor "w" is IQ4_XS, which is not read`),
    }),
  );
  expect(() => file.tensor('W')).toThrow(expect.objectContaining({ remedy: 'Did you mean "w"?' }));
});

it('notices that the file was changed after it was opened', async () => {
  await one();
  using file = new GgufFile(path);
  utimesSync(path, 1, 1);
  expect(() => file.tensor('w')).toThrow('was changed since it was opened');
});

it('reads or refuses every file with a byte changed', async () => {
  const { bytes } = await one({ shape: [1, 32], type: 'Q8_0', pieces: () => [new Uint8Array(34)] });
  const stream = new RandomStream(1);
  let refused = 0;
  for (let i = 0; i < 80; i++) {
    const changed = Buffer.from(bytes);
    changed[i] = changed[i]! ^ (1 + stream.below(255));
    writeFileSync(path, changed);
    try {
      using file = new GgufFile(path);
      for (const name of file.tensors.keys()) scope(() => void file.tensor(name));
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(40);
});
