// The metadata of a GGUF file: what it says of itself before its tensors. Source of the format: ggml's docs/gguf.md, versions
// 2 and 3 (little-endian).
//
// Files come from anywhere, so nothing in one is believed: every length is held against the bytes that are left before memory
// is taken for it, and what is read altogether has a ceiling.
import { readSync } from 'node:fs';
import { FormatError } from '../../base/index.ts';
import { withFile } from '../with-file.ts';

/** Vocabularies of a quarter of a million tokens with their merges take some 20 MB. */
const metadataCeiling = 128 << 20;
const maxEntries = 1 << 16;
/** Of all arrays together. */
const maxElements = 1 << 22;
const pieceBytes = 1 << 20;
/** The format allows no longer names. */
const longestKey = 65_535;

/** Integers beyond 2⁵³ are bigints. */
export type GgufScalar = number | bigint | boolean | string;
export type GgufValue = GgufScalar | readonly GgufScalar[];

export interface Gguf {
  readonly path: string;
  /** Of the file. */
  readonly bytes: number;
  readonly version: number;
  readonly tensorCount: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
}

/** The types of values by their numbers in the file, with the fewest bytes that one takes. */
const types = [
  ['u8', 1],
  ['i8', 1],
  ['u16', 2],
  ['i16', 2],
  ['u32', 4],
  ['i32', 4],
  ['f32', 4],
  ['bool', 1],
  ['string', 8],
  ['array', 12],
  ['u64', 8],
  ['i64', 8],
  ['f64', 8],
] as const;

type TypeName = (typeof types)[number][0];

/**
 * Reads the metadata of a GGUF file.
 *
 * @throws DataError when the file cannot be opened, FormatError naming the file and the key when it breaks the format
 */
export function readGguf(path: string): Gguf {
  return withFile(path, (descriptor, { size }) => parse(new Cursor(descriptor, size, path), path));
}

function parse(cursor: Cursor, path: string): Gguf {
  if (cursor.bytes < 24 || cursor.take(4).toString('latin1') !== 'GGUF') throw cursor.fail('is not a GGUF file');
  const version = cursor.take(4).readUInt32LE();
  if (version === 0x2000000 || version === 0x3000000) throw cursor.fail('is a big-endian GGUF file, which is not read');
  if (version !== 2 && version !== 3) throw cursor.fail(`is of GGUF version ${version}; 2 and 3 are read`);
  const tensorCount = cursor.length(8 + 4 + 4 + 8);
  const entries = cursor.length(8 + 4 + 1);
  if (entries > maxEntries) throw cursor.fail(`has ${entries} entries of metadata, more than ${maxEntries}`);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < entries; i++) {
    cursor.key = `entry ${i + 1}`;
    const key = cursor.string(longestKey);
    cursor.key = JSON.stringify(key);
    if (metadata.has(key)) throw cursor.fail('is given twice');
    metadata.set(key, readValue(cursor, cursor.type()));
  }
  return { path, bytes: cursor.bytes, version, tensorCount, metadata };
}

function readValue(cursor: Cursor, type: TypeName): GgufValue {
  if (type !== 'array') return readScalar(cursor, type);
  const element = cursor.type();
  if (element === 'array') throw cursor.fail('holds arrays in an array, which are not read');
  const values: GgufScalar[] = [];
  const count = cursor.length(types.find(([name]) => name === element)![1]);
  cursor.elements += count;
  if (cursor.elements > maxElements)
    throw cursor.fail(`has ${count} elements, and all arrays together may have ${maxElements}`);
  for (let i = 0; i < count; i++) values.push(readScalar(cursor, element));
  return values;
}

function readScalar(cursor: Cursor, type: Exclude<TypeName, 'array'>): GgufScalar {
  switch (type) {
    case 'u8':
      return cursor.take(1).readUInt8();
    case 'i8':
      return cursor.take(1).readInt8();
    case 'u16':
      return cursor.take(2).readUInt16LE();
    case 'i16':
      return cursor.take(2).readInt16LE();
    case 'u32':
      return cursor.take(4).readUInt32LE();
    case 'i32':
      return cursor.take(4).readInt32LE();
    case 'f32':
      return cursor.take(4).readFloatLE();
    case 'f64':
      return cursor.take(8).readDoubleLE();
    case 'u64':
      return exact(cursor.take(8).readBigUInt64LE());
    case 'i64':
      return exact(cursor.take(8).readBigInt64LE());
    case 'string':
      return cursor.string();
    case 'bool': {
      const byte = cursor.take(1).readUInt8();
      if (byte > 1) throw cursor.fail(`holds ${byte} where a truth value should be`);
      return byte === 1;
    }
  }
}

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Reads forward through the file, a piece at a time. */
class Cursor {
  readonly bytes: number;
  /** What is being read, for errors. */
  key: string | undefined;
  /** Of the arrays so far. */
  elements = 0;
  readonly #descriptor: number;
  readonly #path: string;
  #piece = Buffer.alloc(0);
  /** Of the next byte, in the piece and in the file. */
  #offset = 0;
  #position = 0;

  constructor(descriptor: number, bytes: number, path: string) {
    this.#descriptor = descriptor;
    this.bytes = bytes;
    this.#path = path;
  }

  fail(fault: string): FormatError {
    const what = this.key === undefined ? '' : `: metadata ${this.key}`;
    return new FormatError('bad-gguf', `${this.#path}${what} ${fault}`, {
      remedy: 'Get the file again from where it came from.',
      fields: { path: this.#path, ...(this.key !== undefined && { key: this.key }) },
    });
  }

  /** The next `length` bytes, valid until the next call. */
  take(length: number): Buffer {
    if (length > this.bytes - this.#position) throw this.fail('ends after the end of the file');
    if (this.#position + length > metadataCeiling)
      throw this.fail(`is beyond the first ${metadataCeiling >> 20} MiB, more than metadata needs`);
    if (this.#offset + length > this.#piece.length) this.#fill(length);
    const bytes = this.#piece.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    this.#position += length;
    return bytes;
  }

  #fill(length: number): void {
    const piece = Buffer.alloc(Math.min(Math.max(length, pieceBytes), this.bytes - this.#position));
    for (let done = 0; done < piece.length; ) {
      const count = readSync(this.#descriptor, piece, done, piece.length - done, this.#position + done);
      if (count === 0) throw this.fail('became shorter while it was read');
      done += count;
    }
    this.#piece = piece;
    this.#offset = 0;
  }

  /** A number of things that take at least `bytesEach`, so that there cannot be more of them than bytes. */
  length(bytesEach: number): number {
    const count = this.take(8).readBigUInt64LE();
    if (count * BigInt(bytesEach) > BigInt(this.bytes - this.#position))
      throw this.fail(`counts ${count}, more than the file has room for`);
    return Number(count);
  }

  string(longest = Number.POSITIVE_INFINITY): string {
    const length = this.length(1);
    if (length > longest) throw this.fail(`is a name of ${length} bytes, more than ${longest}`);
    // Broken vocabularies hold pieces that are no UTF-8; they are shown, not trusted.
    return this.take(length).toString('utf8');
  }

  type(): TypeName {
    const number = this.take(4).readUInt32LE();
    const type = types[number];
    if (!type) throw this.fail(`has the unknown type ${number}`);
    return type[0];
  }
}
