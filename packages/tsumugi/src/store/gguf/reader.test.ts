// Files that are as they should be, and every way in which they may not be.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { RandomStream, UserError } from '../../base/index.ts';
import { readGguf } from '../index.ts';
import { renderGguf, type Typed } from './gguf.testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsumugi-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'model.gguf');
const read = (bytes: Uint8Array) => {
  writeFileSync(path, bytes);
  return readGguf(path);
};

const metadata: Record<string, Typed> = {
  'general.architecture': { string: 'plamo2' },
  'general.name': { string: '紬' },
  count: { u32: 4_000_000_000 },
  offset: { i32: -5 },
  epsilon: { f32: 0.5 },
  flag: { bool: true },
  heads: { i32s: [0, 4, 0, 4] },
  scores: { f32s: [-1.5, 0] },
  tokens: { strings: ['', 'あ', '\n'] },
};
const bytes = renderGguf(metadata, [{ name: 'w', shape: [2, 3], data: new Float32Array(6) }]);

const replaced = (at: number, value: number | bigint, from = bytes) => {
  const copy = Buffer.from(from);
  if (typeof value === 'bigint') copy.writeBigUInt64LE(value, at);
  else copy.writeUInt32LE(value, at);
  return copy;
};

it('reads the metadata', () => {
  const gguf = read(bytes);
  expect(gguf).toMatchObject({ path, bytes: bytes.length, version: 3, tensorCount: 1 });
  expect(Object.fromEntries(gguf.metadata)).toEqual({
    'general.architecture': 'plamo2',
    'general.name': '紬',
    count: 4_000_000_000,
    offset: -5,
    epsilon: 0.5,
    flag: true,
    heads: [0, 4, 0, 4],
    scores: [-1.5, 0],
    tokens: ['', 'あ', '\n'],
  });
});

it('reads strings and arrays that are longer than a piece of the file', () => {
  const long = {
    text: { string: 'あ'.repeat(400_000) },
    numbers: { i32s: Array.from({ length: 280_000 }, (_, i) => i) },
  };
  const gguf = read(renderGguf(long));
  expect(gguf.metadata.get('text')).toBe(long.text.string);
  expect(gguf.metadata.get('numbers')).toEqual(long.numbers.i32s);
});

// The first entry: its key's length is at byte 24, its type after the key, its text's length after that.
const afterKey = 24 + 8 + 'general.architecture'.length;

it.each<[string, Buffer, RegExp]>([
  ['something else', Buffer.from('this is no model at all, is it'), /is not a GGUF file/],
  ['a short file', bytes.subarray(0, 10), /is not a GGUF file/],
  ['the first version', replaced(4, 1), /is of GGUF version 1; 2 and 3 are read/],
  ['another byte order', replaced(4, 0x3000000), /big-endian/],
  ['more tensors than bytes', replaced(8, 1n << 60n), /counts 1152921504606846976, more than the file has room for/],
  ['more entries than bytes', replaced(16, 1n << 63n), /more than the file has room for/],
  [
    'a long key',
    replaced(24, 70_000n, Buffer.concat([bytes, Buffer.alloc(80_000)])),
    /entry 1 is a name of 70000 bytes/,
  ],
  ['a key of 2⁶³ bytes', replaced(24, 1n << 63n), /metadata entry 1 counts 9223372036854775808/],
  ['an unknown type', replaced(afterKey, 13), /"general.architecture" has the unknown type 13/],
  ['a text of 2⁶³ bytes', replaced(afterKey + 4, 1n << 63n), /"general.architecture" counts 9223372036854775808/],
  ['half a file', bytes.subarray(0, 200), /more than the file has room for|ends after the end/],
  ['the same key twice', renderTwice(), /"a" is given twice/],
])('refuses %s', (_, content, message) => {
  expect(() => read(content)).toThrow(
    expect.objectContaining({ code: 'bad-gguf', message: expect.stringMatching(message) }),
  );
});

function renderTwice(): Buffer {
  const twice = renderGguf({ a: { u32: 1 }, b: { u32: 1 } });
  twice[twice.lastIndexOf('b')] = 'a'.charCodeAt(0);
  return twice;
}

it('refuses arrays in arrays, unknown elements, and truth that is neither', () => {
  const heads = renderGguf({ heads: { i32s: [1] } });
  const element = 24 + 8 + 'heads'.length + 4;
  expect(() => read(replaced(element, 9, heads))).toThrow('arrays in an array');
  expect(() => read(replaced(element, 99, heads))).toThrow('unknown type 99');
  const flag = renderGguf({ flag: { bool: true } });
  flag[24 + 8 + 'flag'.length + 4] = 7;
  expect(() => read(flag)).toThrow('holds 7 where a truth value should be');
});

it('refuses an array that would fill the memory', () => {
  const count = 1 << 23;
  const flags = renderGguf({ numbers: { i32s: [] } });
  const end = 24 + 8 + 'numbers'.length + 4;
  const file = Buffer.concat([flags.subarray(0, end + 12), Buffer.alloc(count)]);
  expect(() => read(replaced(end, 0, replaced(end + 4, BigInt(count), file)))).toThrow(
    /has 8388608 elements, and all arrays together may have 4194304/,
  );
});

it('refuses many arrays, and many entries, that together would fill the memory', () => {
  const count = 1 << 21;
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const array = (key: string) =>
    Buffer.concat([u64(key.length), Buffer.from(key), u32(9), u32(0), u64(count), Buffer.alloc(count)]);
  const head = (entries: number) => Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(entries)]);
  expect(read(Buffer.concat([head(2), array('a'), array('b')])).metadata.size).toBe(2);
  expect(() => read(Buffer.concat([head(3), array('a'), array('b'), array('c')]))).toThrow(/"c" has 2097152 elements/);
  expect(() => read(Buffer.concat([head(70_000), Buffer.alloc(2_000_000)]))).toThrow('has 70000 entries of metadata');
});

it('keeps keys that objects have names for', () => {
  const { metadata } = read(renderGguf({ ['__proto__']: { u32: 1 }, constructor: { u32: 2 }, toString: { u32: 3 } }));
  expect([...metadata]).toEqual([
    ['__proto__', 1],
    ['constructor', 2],
    ['toString', 3],
  ]);
});

it('says which file cannot be opened', () => {
  expect(() => readGguf(join(folder, 'none.gguf'))).toThrow(/none.gguf/);
  expect(() => readGguf(folder)).toThrow('is not a file');
});

it('reads or refuses every file with a byte changed, and every file cut short', () => {
  const stream = new RandomStream(1);
  let refused = 0;
  const attempt = (content: Uint8Array) => {
    try {
      read(content);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      refused++;
    }
  };
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed[i] = changed[i]! ^ (1 + stream.below(255));
    attempt(changed);
    attempt(bytes.subarray(0, i));
  }
  expect(refused).toBeGreaterThan(300);
});
