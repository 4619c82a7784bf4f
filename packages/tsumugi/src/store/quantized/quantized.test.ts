// The layouts of quantized weights, against words and bytes put together by hand.
import { describe, expect, it } from 'vitest';
import { Rng, rand, scope, type Tensor, tensor } from '../../torch/index.ts';
import { packAwq, unpackAwq } from './awq.ts';
import { fromCodes, type QuantizedCodes } from './codes.ts';
import { fp8Values, fromFp8, packFp8, toFp8, unpackFp8 } from './fp8.ts';
import { packGptq, unpackGptq } from './gptq.ts';

const int = (values: number[][]) => tensor(values, { dtype: 'int32' });
const half = (values: number[][]) => tensor(values, { dtype: 'float16' });
/** A random grid: codes [inputs, outputs], two groups. */
function random(bits: 4 | 8, inputs: number, outputs: number): QuantizedCodes {
  const whole = (shape: number[], least: number, seed: number) =>
    rand(shape, new Rng(seed))
      .mul(2 ** bits - least)
      .floor()
      .add(least)
      .to('int32');
  return {
    codes: whole([inputs, outputs], 0, 1),
    zeros: whole([2, outputs], 1, 2),
    scales: rand([2, outputs], new Rng(3)).to('float16'),
  };
}
const equal = (a: Tensor, b: Tensor) => expect(a.tolist()).toEqual(b.tolist());

describe('GPTQ', () => {
  it('holds eight inputs of an output in a word, zero − 1 of eight outputs, and the groups', () => {
    scope(() => {
      // Output o has the codes o, o + 1, …, modulo 16, for its inputs.
      const codes = int(Array.from({ length: 16 }, (_, i) => Array.from({ length: 8 }, (_, o) => (i + o) % 16)));
      const zeros = int([
        [1, 2, 3, 4, 5, 6, 7, 8],
        [8, 8, 8, 8, 8, 8, 8, 15],
      ]);
      const scales = half([Array(8).fill(0.5), Array(8).fill(2)]);
      const packed = packGptq({ codes, zeros, scales }, 4);
      expect(packed.qweight.shape).toEqual([2, 8]);
      const words = packed.qweight.tolist() as number[][];
      expect(words[0]![0]).toBe(0x76543210);
      expect(words[0]![1]).toBe(0x87654321 | 0);
      expect(words[1]![0]).toBe(0xfedcba98 | 0);
      expect(words[1]![1]).toBe(0x0fedcba9);
      expect(packed.qzeros.tolist()).toEqual([[0x76543210], [0xe7777777 | 0]]);
      expect([packed.scales.dtype, packed.scales.tolist()]).toEqual(['float16', scales.tolist()]);
      expect(packed.g_idx.tolist()).toEqual([...Array(8).fill(0), ...Array(8).fill(1)]);
      const weight = fromCodes(unpackGptq(packed, 4)).tolist() as number[][];
      expect(weight[2]!.slice(0, 2)).toEqual([(2 - 3) * 0.5, (3 - 3) * 0.5]);
      expect(weight[7]![15]).toBe((((15 + 7) % 16) - 15) * 2);
    });
  });

  it('holds four bytes in a word of 8 bits', () => {
    scope(() => {
      const codes = int([
        [1, 255],
        [2, 0],
        [3, 0],
        [200, 128],
      ]);
      const zeros = int([[128, 1]]);
      const four = (values: number[]) => [...values, ...values];
      const packed = packGptq(
        {
          codes: int((codes.tolist() as number[][]).map(four)),
          zeros: int([four([128, 1])]),
          scales: half([four([1, 1])]),
        },
        8,
      );
      expect((packed.qweight.tolist() as number[][])[0]!.slice(0, 2)).toEqual([0xc8030201 | 0, 0x800000ff | 0]);
      expect(packed.qzeros.tolist()).toEqual([[0x007f007f]]);
      expect((fromCodes(unpackGptq(packed, 8)).tolist() as number[][])[0]).toEqual([-127, -126, -125, 72]);
      equal(unpackGptq(packed, 8).zeros.narrow(1, 0, 2), zeros);
    });
  });

  it.each([4, 8] as const)('of %s bits gives back what was packed', (bits) => {
    scope(() => {
      const made = random(bits, 32, 16);
      const read = unpackGptq(packGptq(made, bits), bits);
      equal(read.codes, made.codes);
      equal(read.zeros, made.zeros);
      equal(fromCodes(read), fromCodes(made));
    });
  });

  it('keeps inputs whose groups are not neighbours, and reads zeros of version 2 as they are', () => {
    scope(() => {
      const groupOf = tensor([1, 0, 0, 1, 1, 0, 1, 0], { dtype: 'int32' });
      const made = { ...random(4, 8, 8), groupOf };
      const packed = packGptq(made, 4);
      equal(packed.g_idx, groupOf);
      const weight = fromCodes(unpackGptq(packed, 4)).tolist() as number[][];
      const [codes, zeros, scales] = [made.codes, made.zeros, made.scales].map((each) =>
        each.float().tolist(),
      ) as number[][][];
      expect(weight[5]![3]).toBeCloseTo((codes![3]![5]! - zeros![1]![5]!) * scales![1]![5]!, 6);
      expect(weight[5]![1]).toBeCloseTo((codes![1]![5]! - zeros![0]![5]!) * scales![0]![5]!, 6);
      equal(unpackGptq(packed, 4, 0).zeros, made.zeros.sub(1));
    });
  });
});

describe('AWQ', () => {
  it('holds eight outputs of an input in a word, in the order 0 2 4 6 1 3 5 7', () => {
    scope(() => {
      const row = [0, 1, 2, 3, 4, 5, 6, 7];
      const packed = packAwq({ codes: int([row, row.map((v) => v + 8)]), zeros: int([row]), scales: half([row]) });
      expect(packed.qweight.tolist()).toEqual([[0x75316420], [0xfdb9eca8 | 0]]);
      expect(packed.qzeros.tolist()).toEqual([[0x75316420]]);
      const read = unpackAwq(packed);
      expect(read.codes.tolist()).toEqual([row, row.map((v) => v + 8)]);
      expect((fromCodes(read).tolist() as number[][])[6]).toEqual([0, 8 * 6]);
    });
  });

  it('gives back what was packed', () => {
    scope(() => {
      const made = random(4, 32, 24);
      equal(fromCodes(unpackAwq(packAwq(made))), fromCodes(made));
    });
  });
});

describe('FP8', () => {
  it.each([
    [0, 0x00],
    [1, 0x38],
    [-1, 0xb8],
    [448, 0x7e],
    [1000, 0x7e],
    [-1000, 0xfe],
    [2 ** -9, 0x01],
    [7 * 2 ** -9, 0x07],
    [2 ** -6, 0x08],
    [1.0625, 0x38], // between 1 and 1.125: the even code
    [1.1875, 0x3a], // between 1.125 and 1.25: the even code
    [1.07, 0x39],
    [2 ** -10, 0x00], // between 0 and the smallest
    [1.5 * 2 ** -9, 0x02],
  ])('rounds %s to %s', (value, code) => {
    scope(() => expect(toFp8(tensor([value])).tolist()).toEqual([code]));
  });

  it('reads every code, and writes every value as its code', () => {
    scope(() => {
      const codes = Array.from({ length: 256 }, (_, i) => i);
      const values = fromFp8(tensor(codes, { dtype: 'uint8' }));
      expect(values.tolist()).toEqual([...fp8Values]);
      const finite = codes.filter((code) => code % 128 !== 127 && code !== 128);
      expect(toFp8(tensor(finite.map((code) => fp8Values[code]!))).tolist()).toEqual(finite);
      expect([fp8Values[0x41], fp8Values[0x47], fp8Values[0xc1]]).toEqual([2.25, 3.75, -2.25]);
    });
  });

  it('scales the largest weight to 448; a scale for each output is read, too', () => {
    scope(() => {
      const packed = packFp8(tensor([[1, -8], [4, 0.5]])); // biome-ignore format: a matrix
      expect(packed.weight_scale.item()).toBeCloseTo(8 / 448, 8);
      expect(packed.weight.tolist()).toEqual([[0x66, 0xfe], [0x76, 0x5e]]); // biome-ignore format: a matrix
      expect((unpackFp8(packed).tolist() as number[][])[0]![1]).toBeCloseTo(-8, 6);
      const each = { weight: tensor([[0x38, 0xb8], [0x38, 0x40]], { dtype: 'uint8' }) }; // biome-ignore format: a matrix
      for (const shape of [[2], [2, 1]])
        expect(unpackFp8({ ...each, weight_scale: tensor([2, 3], { shape }) }).tolist()).toEqual([
          [2, -2],
          [3, 6],
        ]);
    });
  });
});
