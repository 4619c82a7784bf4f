// JavaScript values as elements, by PyTorch's rules: what fits is converted alike in every dtype, what does not is refused
// with its value and index; what no number holds exactly is not read as one.
import { describe, expect, it } from 'vitest';
import { ShapeError, UserError } from '../base/index.ts';
import { arange, type DType, full, scope, tensor, zeros } from './index.ts';
import type { Scalar } from './numbers.ts';

const integers: [DType, bigint, bigint][] = [
  ['uint8', 0n, 255n],
  ['int8', -128n, 127n],
  ['int16', -32768n, 32767n],
  ['int32', -2147483648n, 2147483647n],
  ['int64', -9223372036854775808n, 9223372036854775807n],
];
const floats: DType[] = ['float16', 'bfloat16', 'float32', 'float64'];
const raw = (value: Scalar, dtype: DType) => scope(() => tensor([value], { dtype }).data()[0]);
const rawFull = (value: Scalar, dtype: DType) => scope(() => full([1], value, { dtype }).data()[0]);

describe('tensor and full', () => {
  it.each(integers)('take what %s holds, and nothing else', (dtype, low, high) => {
    for (const make of [raw, rawFull]) {
      for (const end of [low, high]) expect(BigInt(make(end, dtype)!)).toBe(end);
      for (const [value, expected] of [[2.9, 2], [-0.9, 0], [true, 1], [false, 0], [7n, 7]] as const) // biome-ignore format: pairs
        expect(Number(make(value, dtype)), `${value}`).toBe(expected);
      const bad = [low - 1n, high + 1n, Number.NaN, Infinity, -Infinity, 2 ** 63, -(2 ** 64), 1e39];
      for (const value of bad) expect(() => make(value, dtype), `${value}`).toThrow(UserError);
      for (const value of [null, undefined, '1', {}]) expect(() => make(value as never, dtype)).toThrow(UserError);
    }
    if (dtype !== 'int64') expect(Number(raw(-(2 ** 7), dtype === 'uint8' ? 'int16' : dtype))).toBe(-128);
  });

  it('are true for all but 0 in bool', () => {
    for (const make of [raw, rawFull]) {
      for (const value of [2.5, -1, 256, 0.1, Number.NaN, Infinity, true, 2n]) expect(make(value, 'bool')).toBe(1);
      for (const value of [0, -0, 0n, false]) expect(make(value, 'bool')).toBe(0);
    }
  });

  it.each(floats)('take everything in %s', (dtype) => {
    for (const [
      value,
      expected,
    ] of [[2.5, 2.5], [true, 1], [5n, 5], [Infinity, Infinity], [Number.NaN, Number.NaN]] as const) // biome-ignore format: pairs
      for (const make of [raw, rawFull]) expect(make(value, dtype)).toBe(expected);
    expect(raw(1e39, dtype)).toBe(dtype === 'float64' ? 1e39 : Infinity);
    for (const value of [null, undefined, '1']) expect(() => raw(value as never, dtype)).toThrow(UserError);
    expect(() => raw(10n ** 400n, dtype)).toThrow(UserError);
  });

  it('infer bool from booleans, int64 from bigints, float32 from the rest', () => {
    scope(() => {
      expect([tensor([true, false]).dtype, tensor([[1n]]).dtype, tensor([1, true]).dtype]).toEqual([
        'bool',
        'int64',
        'float32',
      ]);
      expect([full([1], true).dtype, full([1], 1n).dtype, full([1], 1).dtype, tensor([]).dtype]).toEqual([
        'bool',
        'int64',
        'float32',
        'float32',
      ]);
    });
  });

  it('name value and index', () => {
    expect(() =>
      tensor(
        [
          [1, 2],
          [3, 2 ** 31],
        ],
        { dtype: 'int32' },
      ),
    ).toThrow(/tensor\(\): element \[1, 1\]: 2147483648 does not fit int32\n.*-2147483648 to 2147483647/);
    expect(() => tensor(Float64Array.from([0, Number.NaN]), { dtype: 'int64' })).toThrow(
      /element 1: NaN does not fit int64/,
    );
    expect(() => tensor(BigInt64Array.from([1n, 2n ** 40n]), { dtype: 'int16' })).toThrow(/element 1: 1099511627776n/);
    expect(() => tensor(Int32Array.from([-1]), { dtype: 'uint8' })).toThrow(/element 0: -1 does not fit uint8/);
    expect(() => tensor(new Array<number>(2))).toThrow(/element \[0\]: undefined/);
    expect(() => full([2], 300, { dtype: 'uint8' })).toThrow(/full\(\): 300 does not fit uint8/);
    scope(() => {
      expect(tensor(Float32Array.from([1.9, -1.9]), { dtype: 'int8' }).tolist()).toEqual([1, -1]);
      expect(tensor(Uint8Array.from([255]), { dtype: 'int16' }).tolist()).toEqual([255]);
    });
  });

  it('name where nested arrays do not fit one another, and shapes that do not hold the values', () => {
    const ragged: [unknown, RegExp][] = [
      [[[1], [2, 3]], /element \[1\] has 2 values, but others of dimension 1 have 1/],
      [[[1], 2], /element \[1\] is no array, but the first ones make the shape \[2, 1\]/],
      [[1, [2]], /element \[1\] is an array, but the first ones make the shape \[2\]/],
      [[[], [1]], /element \[1\] has 1 values/],
      [[[[1]], [[2, 3]]], /element \[1, 0\] has 2 values/],
    ];
    for (const [values, message] of ragged) {
      expect(() => tensor(values as never)).toThrow(message);
      expect(() => tensor(values as never)).toThrow(ShapeError);
    }
    for (const values of [[1, 2, 3], new Float32Array(3)])
      expect(() => tensor(values, { shape: [2, 2] })).toThrow(/the shape \[2, 2\] does not hold 3 values/);
  });
});

describe('reading', () => {
  it('refuses integers that no number holds, and shows them whole', () => {
    scope(() => {
      const big = tensor([1n, 2n ** 60n + 1n]);
      expect(() => big.tolist()).toThrow(/element \[1\]: 1152921504606846977 is beyond 2\^53/);
      expect(() => big.select(0, 1).item()).toThrow(/item\(\): 1152921504606846977 is beyond/);
      expect(big.select(0, 0).item()).toBe(1);
      expect(tensor([-(2 ** 53) + 1], { dtype: 'int64' }).item()).toBe(-(2 ** 53) + 1);
      expect(tensor([1e300], { dtype: 'float64' }).item()).toBe(1e300);
      expect(big.toString()).toBe('Tensor(int64[2] [1,1152921504606846977])');
      expect(tensor([[Number.NaN, Infinity]]).toString()).toBe('Tensor(float32[1, 2] [[NaN,Infinity]])');
      expect(() => zeros([2, 3]).size(0.5)).toThrow(ShapeError);
    });
  });
});

describe('arange', () => {
  it('is of integers unless a fraction is given', () => {
    scope(() => {
      const made = [
        arange(0, 3),
        arange(0, 2.5),
        arange(0, 1, { step: 0.25 }),
        arange(3, 0, { step: -2 }),
        arange(2, 2),
      ];
      expect(made.map((each) => [each.dtype, each.tolist()])).toEqual([
        ['int64', [0, 1, 2]],
        ['float32', [0, 1, 2]],
        ['float32', [0, 0.25, 0.5, 0.75]],
        ['int64', [3, 1]],
        ['int64', []],
      ]);
      expect(arange(0, 256, { dtype: 'uint8' }).numel()).toBe(256);
    });
  });

  it('refuses what an integer type would cut off, steps that lead nowhere, and what is not finite', () => {
    const wrong: [() => unknown, RegExp][] = [
      [() => arange(0, 2.5, { dtype: 'int64' }), /end must be a whole number of at most 2\^53 − 1 for int64, got 2\.5/],
      [() => arange(0, 3, { step: 0.5, dtype: 'int32' }), /step must be/],
      [() => arange(2 ** 53, 2 ** 53 + 4), /start must be/],
      [() => arange(0, Number.NaN), /end must be finite/],
      [() => arange(0, 3, { step: 0 }), /steps of 0 do not lead from 0 to 3/],
      [() => arange(0, 3, { step: -1 }), /steps of -1/],
      [() => arange(0, 257, { dtype: 'uint8' }), /256 does not fit uint8/],
      [() => arange(-1, 3, { dtype: 'uint8' }), /-1 does not fit uint8/],
    ];
    for (const [make, message] of wrong) {
      expect(make).toThrow(message);
      expect(make).toThrow(UserError);
    }
  });
});
