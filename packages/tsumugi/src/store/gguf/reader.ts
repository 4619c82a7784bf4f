// The metadata of a GGUF file: what it says of itself before its tensors. Source of the format: ggml's docs/gguf.md, versions
// 2 and 3 (little-endian).
// Files come from anywhere, so nothing in one is believed.
import { withFile } from '../with-file.ts';
import { Cursor, type TypeName, valueTypes } from './cursor.ts';

const maxEntries = 1 << 16;
/** Of all arrays together. */
const maxElements = 1 << 22;
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

/**
 * Reads the metadata of a GGUF file.
 *
 * @throws DataError when the file cannot be opened, FormatError naming the file and the key when it breaks the format
 */
export function readGguf(path: string): Gguf {
  return withFile(path, (descriptor, { size }) => parseMetadata(new Cursor(descriptor, size, path), path));
}

/** The metadata of the file that a cursor is at the beginning of. */
export function parseMetadata(cursor: Cursor, path: string): Gguf {
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
  const count = cursor.length(valueTypes.find(([name]) => name === element)![1]);
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
