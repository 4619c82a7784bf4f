// Blocks of every type: by hand, against what ggml itself made and read (tests/golden/gguf), and how far values may be off.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { golden } from '../../../../../tests/files.ts';
import { numThreads, Rng, randn, scope, setThreads, type Tensor, tensor } from '../../torch/index.ts';
import { dequantize, type QuantizeOptions, quantizePieces } from './codec.ts';
import { type GgufType, ggufTensorBytes, ggufTypeLabel, ggufTypeNames, ggufTypeOf } from './types.ts';

const file = JSON.parse(readFileSync(golden('gguf/blocks.json'), 'utf8')) as {
  rows: number;
  width: number;
  x: string;
  types: Record<string, { blocks: string; values: string }>;
};
const floats = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
const x = floats(file.x);
const shape = [file.rows, file.width];

const encode = (type: GgufType, values: Tensor, options?: QuantizeOptions): Uint8Array =>
  Buffer.concat([...quantizePieces(type, values, options)]);
const decode = (type: GgufType, bytes: Uint8Array, shape: readonly number[]): Float32Array =>
  scope(() => dequantize(type, tensor(Uint8Array.from(bytes)), shape).data() as Float32Array);
const bytesOf = (type: GgufType, values: readonly number[], options?: QuantizeOptions): Uint8Array =>
  scope(() => encode(type, tensor(Float32Array.from(values), { shape: [1, values.length] }), options));
const squares = (a: ArrayLike<number>, b: ArrayLike<number>, weight = (_: number) => 1) =>
  Array.from(a).reduce((sum, value, i) => sum + weight(i) * (value - b[i]!) ** 2, 0);
const padded = (values: readonly number[], length: number) => [...values, ...Array(length - values.length).fill(0)];

describe('ggml', () => {
  const others = ggufTypeNames.filter((type) => type !== 'F32');

  it.each(others)('blocks of %s are read as it reads them', (type) => {
    const { blocks, values } = file.types[type]!;
    expect(decode(type, Buffer.from(blocks, 'base64'), shape)).toEqual(floats(values));
  });

  it.each(['F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1'] as const)('writes the same blocks of %s', (type) => {
    const bytes = scope(() => encode(type, tensor(x, { shape })));
    expect(Buffer.from(bytes).toString('base64')).toBe(file.types[type]!.blocks);
  });

  // The search for scales is not ggml's. Rows: like weights, with outliers, of one sign, with zeros and constants.
  it.each([
    ['Q4_K', [0.99, 1, 1.02, 0.97]],
    ['Q5_K', [1, 0.99, 0.93, 0.98]],
    ['Q6_K', [0.93, 1, 1, 0.88]],
  ] as const)('has errors in %s that ours are at most this share of', (type, shares) => {
    const ours = decode(type, scope(() => encode(type, tensor(x, { shape }))), shape); // biome-ignore format: short
    const theirs = floats(file.types[type]!.values);
    const row = (values: Float32Array, i: number) => values.subarray(i * file.width, (i + 1) * file.width);
    const found = shares.map((_, i) => squares(row(ours, i), row(x, i)) / squares(row(theirs, i), row(x, i)));
    for (const [i, share] of shares.entries()) expect(found[i], `row ${i}`).toBeLessThanOrEqual(share);
  });
});

describe('by hand', () => {
  const one = [0x00, 0x3c]; // 1 in float16
  const half = [0x00, 0x38];

  it.each<[GgufType, readonly number[], readonly number[]]>([
    // d = 127/127; halves go away from 0.
    ['Q8_0', padded([127, -62.5, 2.4, 4.5], 32), [...one, 127, 256 - 63, 2, 5, ...Array(28).fill(0)]],
    // d = −8/−8; the element 16 shares a byte with 0, 17 with 1.
    ['Q4_0', [-8, 7, 0.5, ...Array(13).fill(0), 1, -1, ...Array(14).fill(0)], [...one, 0x90, 0x7f, 0x89, ...Array(13).fill(0x88)]],
    // d = (14 − (−1))/15, m = −1 (0xbc00)
    ['Q4_1', [-1, 14, ...Array(30).fill(1)], [...one, 0x00, 0xbc, 0x20, 0x2f, ...Array(14).fill(0x22)]],
    // d = −16/−16; fifth bits of 0 … 7 in the first byte: element 0 is 0, element 1 is 31, 2 … 31 are 16.
    ['Q5_0', [-16, 15, ...Array(30).fill(0)], [...one, 0xfe, 0xff, 0xff, 0xff, 0x00, 0x0f, ...Array(14).fill(0)]],
    // d = 31/31, m = 0
    ['Q5_1', [0, 31, 15, ...Array(13).fill(0), ...Array(16).fill(16)], [...one, 0, 0, 0x02, 0, 0xff, 0xff, 0x00, 0x0f, 0x0f, ...Array(13).fill(0)]],
    ['BF16', [1, -2.5], [0x80, 0x3f, 0x20, 0xc0]],
    ['F16', [1, 65504], [0x00, 0x3c, 0xff, 0x7b]],
    ['F32', [1, -2], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]],
  ])('a block of %s', (type, values, bytes) => {
    expect([...bytesOf(type, values)]).toEqual(bytes);
  }); // biome-ignore format: a table

  // Eight blocks of 32 on grids of their own, 1·sc·q − ½·mn, each with its ends taken: nothing is lost.
  const scales = [63, 1, 2, 7, 17, 33, 48, 5];
  const mins = [0, 63, 1, 2, 40, 16, 32, 20];
  const grid = (top: number) =>
    scales.flatMap((sc, s) =>
      Array.from({ length: 32 }, (_, i) => sc * ((i * (2 * s + 1)) % (top + 1)) - 0.5 * mins[s]!),
    );
  const packed = [
    63 | (1 << 6), 1 | (2 << 6), 2 | (3 << 6), 7, // sc 0 … 3, above them the upper bits of sc 4 … 7
    0 | (2 << 6), 63 | (1 << 6), 1 | (2 << 6), 2 | (1 << 6), // mn likewise
    1 | (8 << 4), 1 | (0 << 4), 0 | (0 << 4), 5 | (4 << 4), // the lower bits of sc and mn 4 … 7
  ]; // biome-ignore format: a table

  it('a block of Q4_K', () => {
    const values = grid(15);
    const bytes = bytesOf('Q4_K', values);
    expect([...bytes.subarray(0, 16)]).toEqual([...one, ...half, ...packed]);
    // Blocks 0 and 1: q = i mod 16 below, 3i mod 16 above.
    expect([...bytes.subarray(16, 48)]).toEqual(Array.from({ length: 32 }, (_, i) => (i % 16) | (((3 * i) % 16) << 4)));
    expect(decode('Q4_K', bytes, [256])).toEqual(Float32Array.from(values));
  });

  it('a block of Q5_K', () => {
    const values = grid(31);
    const bytes = bytesOf('Q5_K', values);
    expect([...bytes.subarray(0, 16)]).toEqual([...one, ...half, ...packed]);
    // The fifth bits of element i of the eight blocks are the bits of byte i.
    const fifths = Array.from({ length: 32 }, (_, i) =>
      scales.reduce((byte, _, s) => byte | ((((i * (2 * s + 1)) % 32) >> 4) << s), 0),
    );
    expect([...bytes.subarray(16, 48)]).toEqual(fifths);
    expect(decode('Q5_K', bytes, [256])).toEqual(Float32Array.from(values));
  });

  it('a block of Q6_K', () => {
    // 16 blocks of 16 on grids 2·scale·q, whose ends are taken; the largest step is the −128th of d.
    const scales = [-128, 3, -5, 100, 7, 1, -2, 127, 64, 32, 16, 8, 4, 2, -1, -64];
    const q = (i: number) => [-32, 31, 0, -1][i % 4]! + (i > 3 && i % 4 === 2 ? i : 0);
    const values = scales.flatMap((scale) => Array.from({ length: 16 }, (_, i) => 2 * scale * q(i)));
    const bytes = bytesOf('Q6_K', values);
    expect([...bytes.subarray(208)]).toEqual([0x00, 0x40]); // 2
    expect([...Int8Array.from(bytes.subarray(192, 208))]).toEqual(scales);
    expect(decode('Q6_K', bytes, [256])).toEqual(Float32Array.from(values));
    // Byte 0 has the lower nibbles of elements 0 (q + 32 = 0) and 64 (0); byte 1 of 1 (63) and 65 (63).
    expect([...bytes.subarray(0, 2)]).toEqual([0, 0xff]);
    expect([...bytes.subarray(128, 130)]).toEqual([0, 0xff]);
  });
});

describe('every type', () => {
  const quantized = ggufTypeNames.filter((type) => !/^B?F/.test(type));
  /** The largest error as a share of the largest magnitude in the block: half a step of the range, and what float16 loses. */
  const bounds: Partial<Record<GgufType, number>> = {
    F32: 0, F16: 2 ** -11, BF16: 2 ** -8, Q8_0: 0.5 / 127 + 0.001, Q4_0: 1 / 8 + 0.001, Q4_1: 1 / 15 + 0.001, Q5_0: 1 / 16 + 0.001,
    Q5_1: 1 / 31 + 0.001, Q4_K: 1 / 10, Q5_K: 1 / 21, Q6_K: 1 / 26,
  }; // biome-ignore format: a table

  it.each(ggufTypeNames)('comes back nearly as it was: %s', (type) => {
    scope(() => {
      const x = randn([65, 512], new Rng(7)).mul(0.02);
      const back = decode(type, encode(type, x), [65, 512]);
      const values = x.data() as Float32Array;
      for (let block = 0; block < values.length; block += 256) {
        const peak = Math.max(...values.subarray(block, block + 256).map(Math.abs));
        for (let i = block; i < block + 256; i++)
          expect(Math.abs(back[i]! - values[i]!)).toBeLessThanOrEqual(bounds[type]! * peak);
      }
    });
  });

  it.each(quantized)('is written the same whatever the pieces and the threads: %s', (type) => {
    const threads = numThreads();
    scope(() => {
      const x = randn([300, 512], new Rng(1)); // more than a piece
      const importance = randn([512], new Rng(2)).square();
      const whole = encode(type, x, { importance });
      const row = ggufTensorBytes({ type, shape: [512] });
      expect(decode(type, whole, [300, 512]).slice(299 * 512)).toEqual(decode(type, whole.slice(299 * row), [512]));
      expect(whole).toHaveLength(300 * row);
      const [head, tail] = [x.narrow(0, 0, 7), x.narrow(0, 7, 293)];
      expect(
        Buffer.compare(whole, Buffer.concat([encode(type, head, { importance }), encode(type, tail, { importance })])),
      ).toBe(0);
      expect(Buffer.compare(whole, encode(type, x.t().contiguous().t(), { importance }))).toBe(0);
      for (const count of [1, 2, 3]) {
        setThreads(count);
        expect(Buffer.compare(whole, encode(type, x, { importance }))).toBe(0);
      }
    });
    setThreads(threads);
  });

  const shares: Partial<Record<GgufType, number>> = {
    Q4_0: 0.6, Q4_1: 0.39, Q5_0: 0.55, Q5_1: 0.39, Q4_K: 0.405, Q5_K: 0.466, Q6_K: 0.473,
  }; // biome-ignore format: a table
  it.each(quantized.filter((type) => type !== 'Q8_0'))('loses less where it matters: %s', (type) => {
    scope(() => {
      const x = randn([64, 512], new Rng(3));
      const values = x.data() as Float32Array;
      const important = (i: number) => (i % 16 === 5 ? 50 : 1);
      const importance = tensor(Float32Array.from({ length: 512 }, (_, i) => important(i)));
      const loss = (options: QuantizeOptions) =>
        squares(decode(type, encode(type, x, options), [64, 512]), values, important);
      expect(loss({ importance }) / loss({})).toBeLessThan(type === 'Q6_K' ? 0.95 : 0.9);
      // It is the weights that do it, not the search alone: measured, and 3 % more.
      const flat = loss({ importance: importance.mul(0).add(1) });
      expect(loss({ importance }) / flat).toBeLessThan(shares[type]!);
      // Only the ratios count, and none at all is none.
      expect(encode(type, x, { importance: importance.mul(1024) })).toEqual(encode(type, x, { importance }));
      expect(encode(type, x, { importance: importance.mul(0) })).toEqual(encode(type, x));
    });
  });

  it.each([
    ['Q4_0', 18, -8, 7],
    ['Q5_0', 22, -16, 15],
    ['Q4_1', 20, 0, 15],
    ['Q5_1', 24, 0, 31],
  ] as const)('takes the nearest number to the scale that is in the file: %s', (type, size, low, high) => {
    scope(() => {
      const x = randn([64, 512], new Rng(5));
      const importance = randn([512], new Rng(6)).square();
      const bytes = encode(type, x, { importance });
      const back = decode(type, bytes, [64, 512]);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (const [i, value] of (x.data() as Float32Array).entries()) {
        const at = Math.floor(i / 32) * size;
        const [d, m] = [view.getFloat16(at, true), low === 0 ? view.getFloat16(at + 2, true) : 0];
        const q = Math.min(high, Math.max(low, Math.round((value - m) / d)));
        expect(Math.abs(back[i]! - value)).toBeLessThan(Math.abs(d * q + m - value) + 1e-5);
      }
    });
  });

  it.each(quantized)('holds zeros, constants and channels that nothing counts of: %s', (type) => {
    expect(decode(type, bytesOf(type, Array(512).fill(0)), [512]).every((value) => value === 0)).toBe(true);
    for (const value of [0.5, -0.5]) {
      const back = decode(type, bytesOf(type, Array(512).fill(value)), [512]);
      expect(Math.max(...back.map((each) => Math.abs(each - value)))).toBeLessThan(0.02);
    }
    scope(() => {
      const importance = tensor(Float32Array.from({ length: 512 }, (_, i) => (i < 256 ? 1 : 0)));
      const x = Array.from({ length: 512 }, (_, i) => Math.sin(i));
      const back = decode(type, bytesOf(type, x, { importance }), [512]);
      expect(squares(back, x)).toBeLessThan(squares(x, new Float32Array(512)) / 50);
    });
  });

  const largest: Partial<Record<GgufType, number>> = {
    Q8_0: 127, Q4_0: 8, Q4_1: 1, Q5_0: 16, Q5_1: 1, Q4_K: 63, Q5_K: 63, Q6_K: 128,
  }; // biome-ignore format: a table
  it.each(quantized)('holds what its scales can, and refuses more: %s', (type) => {
    const most = 65504 * largest[type]!;
    for (const sign of [1, -1]) {
      const x = padded([sign * most * 0.99], 256);
      const [first] = decode(type, bytesOf(type, x), [256]);
      expect(Math.abs(first! / x[0]! - 1)).toBeLessThan(0.07);
      expect(() => bytesOf(type, padded([sign * most * 1.01], 256))).toThrow(`too large for ${type}`);
    }
  });

  it.each([
    ['Q4_K', [Number.NaN], /^blk.0.w holds a weight that is no finite number/],
    ['F32', [Number.POSITIVE_INFINITY], /no finite number/],
    ['F16', [65536], /a weight of magnitude 65536, too large for F16/],
  ] as const)('refuses what it cannot hold: %s %j', (type, [value], message) => {
    expect(() => bytesOf(type, padded([value], 256), { name: 'blk.0.w' })).toThrow(
      expect.objectContaining({ code: 'weight-range', message: expect.stringMatching(message) }),
    );
  });
});

it('knows the types of ggml by their numbers', () => {
  expect([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30].map(ggufTypeOf).join(' ')).toBe(
    'F32 F16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K BF16',
  );
  expect([4, 10, 23, 99].map(ggufTypeOf)).toEqual([undefined, undefined, undefined, undefined]);
  expect([12, 10, 23, 99].map(ggufTypeLabel)).toEqual(['Q4_K', 'Q2_K', 'IQ4_XS', 'type 99']);
});
