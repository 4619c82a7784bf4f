// Products row by row: the twin's values, and the same bits for a row whatever stands beside it, wherever it stands, on any number of
// threads; and where layers use them.
import { describe, expect, it } from 'vitest';
import { type DType, isGradEnabled, Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { Embedding, Linear } from '../linear.ts';
import { independentRows, rowsAreIndependent, rowsLinear, rowsLinearPlain } from './rows-linear.ts';
import { expectThreadIndependent, expectTwins } from './twins.testing.ts';

const make = (shape: readonly number[], seed: number, dtype: DType = 'float32') =>
  randn(shape, new Rng(seed), { dtype });
const bits = (each: Tensor) => Buffer.from(each.bytes()).toString('hex');

/** [R, K, N]: every size of a tile and what is left of it; depths of whole vectors, of parts, and past a block of the depth. */
const sizes = [
  [1, 64, 24],
  [2, 7, 1],
  [3, 100, 13],
  [4, 1, 5],
  [5, 513, 6],
  [16, 1100, 31],
  [23, 48, 70],
] as const;

describe('rowsLinear', () => {
  it.each(sizes)('is its twin: %i rows, depth %i, %i outputs', (R, K, N) => {
    for (const [dtype, bound] of [
      ['float32', 2e-6],
      ['float64', 1e-14],
    ] as const)
      scope(() =>
        expectTwins(
          rowsLinear as never,
          rowsLinearPlain as never,
          [make([R, K], 1, dtype), make([N, K], 2, dtype)],
          bound,
        ),
      );
  });

  it.each(sizes)('gives each row its bits: %i rows, depth %i, %i outputs', (R, K, N) => {
    scope(() => {
      const [x, weight] = [make([R, K], 3), make([N, K], 4)];
      const alone = Array.from({ length: R }, (_, r) => bits(rowsLinear(x.narrow(0, r, 1), weight)));
      for (let count = 1; count <= R; count++)
        for (let first = 0; first + count <= R; first++) {
          const together = rowsLinear(x.narrow(0, first, count), weight);
          for (let r = 0; r < count; r++) expect(bits(together.narrow(0, r, 1))).toBe(alone[first + r]);
        }
    });
  });

  it('gives the same bits on several threads, for rows and weights that lie apart, and of a part of the outputs', () => {
    scope(() => {
      const [x, weight] = [make([5, 2 * 300], 5), make([1000, 2 * 300], 6)];
      const [part, rows] = [x.narrow(1, 300, 300), weight.narrow(1, 0, 300)];
      expectThreadIndependent(rowsLinear as never, [part.contiguous(), rows.contiguous()]);
      const whole = rowsLinear(part.contiguous(), rows.contiguous());
      expect(bits(rowsLinear(part, rows))).toBe(bits(whole));
      expect(bits(rowsLinear(part, rows.narrow(0, 7, 50)))).toBe(bits(whole.narrow(1, 7, 50)));
      expect(rowsLinear(part.reshape([5, 1, 1, 300]), rows).shape).toEqual([5, 1, 1, 1000]);
      expect(rowsLinear(part.narrow(0, 0, 0), rows).shape).toEqual([0, 1000]);
    });
  });

  it('passes NaN and infinity on, in their own row only', () => {
    scope(() => {
      const x = make([3, 20], 7);
      x.select(0, 1).fill_(Number.NaN);
      const y = rowsLinear(x, make([4, 20], 8)).data() as Float32Array;
      expect([...y].map(Number.isNaN)).toEqual([
        ...Array(4).fill(false),
        ...Array(4).fill(true),
        ...Array(4).fill(false),
      ]);
    });
  });
});

describe('independentRows', () => {
  it('has layers and heads multiply row by row, without gradients, until it is over', () => {
    scope(() => {
      using layer = new Linear(40, 30, { rng: new Rng(1) });
      using table = new Embedding(50, 40, { rng: new Rng(2) });
      const x = make([6, 40], 9);
      independentRows(() => {
        expect([rowsAreIndependent(), isGradEnabled()]).toEqual([true, false]);
        expect(bits(layer.forward(x))).toBe(bits(rowsLinear(x, layer.weight).add(layer.bias!)));
        expect(bits(table.logits(x))).toBe(bits(rowsLinear(x, table.weight)));
        expect(layer.forward(x).requiresGrad).toBe(false);
      });
      expect(() =>
        independentRows(() => {
          throw new Error('inside');
        }),
      ).toThrow('inside');
      expect([rowsAreIndependent(), layer.forward(x).requiresGrad]).toEqual([false, true]);
    });
  });

  it('multiplies in the dtype of x, by the twin where there is no kernel', () => {
    scope(() => {
      using layer = new Linear(8, 3, { rng: new Rng(1), bias: false });
      independentRows(() => {
        expect(layer.forward(make([2, 8], 1).to('bfloat16')).dtype).toBe('bfloat16');
        expect(layer.forward(make([2, 8], 1, 'float64')).dtype).toBe('float64');
      });
    });
  });
});
