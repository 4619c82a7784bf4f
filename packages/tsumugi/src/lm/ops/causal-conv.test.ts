// The short convolution: the kernel against its plain twin and the definition, documents, states, gradients.
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../base/index.ts';
import { expectThreadIndependent, expectTwins, relativeError } from '../../nn/functional/twins.testing.ts';
import { gradcheck } from '../../nn/index.ts';
import { cat, ones, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { type CausalConvOptions, causalConv, causalConvPlain, convState } from './causal-conv.ts';

/** int32 [B, T]: documents of the given lengths, over and over, shifted by one in each row. */
function documentsOf(B: number, T: number, lengths: readonly number[]): Tensor {
  const rows = Array.from({ length: B }, (_, b) => {
    const row: number[] = [];
    for (let d = b; row.length < T; d++)
      for (let i = 0; i < lengths[d % lengths.length]! && row.length < T; i++) row.push(d);
    return row;
  });
  return tensor(rows, { dtype: 'int32' });
}

const inputsOf = (B: number, T: number, C: number, k: number, dtype: 'float32' | 'float64' = 'float32') => {
  const random = new Rng(B * T + C);
  return [
    [B, T, C],
    [C, 1, k],
    [B, C, k - 1],
  ].map((shape) => randn(shape, random, { dtype }).requiresGrad_());
};

describe('causalConv', () => {
  it('is the published sum over the last k inputs', () => {
    scope(() => {
      const y = causalConv(tensor([[[1], [2], [3]]]), tensor([[[10, 100]]])).data();
      expect([...y]).toEqual([100, 210, 320]); // silu(z) = z for such z
    });
  });

  it.each([
    [1, 1, 3, 4],
    [2, 9, 5, 4],
    [2, 3, 4, 6],
    [1, 200, 40, 4],
    [3, 70, 600, 4],
    [2, 70, 6, 1],
    [2, 150, 18, 3],
  ])('equals its plain twin for B %i, T %i, C %i, k %i', (B, T, C, k) => {
    scope(() => {
      const inputs = inputsOf(B, T, C, k);
      const documents = documentsOf(B, T, [1, 5, 2, 70]);
      const variants: ((state: Tensor) => CausalConvOptions)[] = [
        () => ({}),
        (state) => ({ state }),
        () => ({ documents }),
        (state) => ({ documents, state }),
      ];
      for (const [i, options] of variants.entries()) {
        const used = i % 2 === 0 ? inputs.slice(0, 2) : inputs;
        expectTwins(
          (x, w, s) => causalConv(x!, w!, options(s!)),
          (x, w, s) => causalConvPlain(x!, w!, options(s!)),
          used,
        );
      }
    });
  });

  it('has the right gradients', () => {
    scope(() => {
      const inputs = inputsOf(2, 5, 2, 3, 'float64');
      const documents = documentsOf(2, 5, [1, 3]);
      gradcheck((x, w, state) => causalConv(x!, w!, { state: state! }), inputs);
      gradcheck((x, w, state) => causalConv(x!, w!, { state: state!, documents }), inputs);
    });
  });

  it('is the same on one thread and on several', () => {
    scope(() => {
      const inputs = inputsOf(2, 300, 32, 4);
      expectThreadIndependent((x, w, state) => causalConv(x!, w!, { state: state! }), inputs);
    });
  });

  it('keeps documents apart, also from what is not finite in another', () => {
    scope(() => {
      const documents = tensor([[0, 0, 1, 1]], { dtype: 'int32' });
      const weight = ones([1, 1, 3]);
      for (const conv of [causalConv, causalConvPlain]) {
        const x = tensor([Number.NaN, Infinity, 1, 2], { shape: [1, 4, 1] });
        const y = conv(x, weight, { documents }).flatten().tolist() as number[];
        expect(y[2]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
        expect(y[3]).toBeCloseTo(3 / (1 + Math.exp(-3)), 6);
      }
    });
  });

  it('keeps documents apart: a pack gives what each gives alone', () => {
    scope(() => {
      const [x, w] = inputsOf(1, 10, 4, 4) as [Tensor, Tensor];
      const documents = tensor([[0, 0, 0, 0, 1, 2, 2, 2, 2, 2]], { dtype: 'int32' });
      const alone = [[0, 4], [4, 1], [5, 5]].map(([start, length]) => causalConv(x.narrow(1, start!, length!), w)); // biome-ignore format: pairs
      expect(causalConv(x, w, { documents }).tolist()).toEqual(cat(alone, 1).tolist());
    });
  });

  it('takes a number that comes again for a new document', () => {
    scope(() => {
      const [x, w, state] = inputsOf(1, 8, 4, 4) as [Tensor, Tensor, Tensor];
      const documents = tensor([[0, 0, 1, 0, 0, 0, 2, 0]], { dtype: 'int32' });
      const cuts = [[0, 2], [2, 1], [3, 3], [6, 1], [7, 1]] as const; // biome-ignore format: pairs
      for (const conv of [causalConv, causalConvPlain]) {
        const alone = cuts.map(([at, n]) => conv(x.narrow(1, at, n), w, at === 0 ? { state } : {}));
        expect(relativeError(conv(x, w, { documents, state }), cat(alone, 1))).toBeLessThan(1e-6);
      }
      const again = { documents: tensor([[0, 1, 0, 0, 1]], { dtype: 'int32' }) };
      const small = inputsOf(1, 5, 2, 3, 'float64');
      gradcheck((a, b, c) => causalConv(a!, b!, { state: c!, ...again }), small);
      expectTwins(
        (a, b, c) => causalConv(a!, b!, { state: c!, documents }),
        (a, b, c) => causalConvPlain(a!, b!, { state: c!, documents }),
        [x, w, state],
      );
    });
  });

  it('goes on from its state', () => {
    scope(() => {
      const [x, w] = inputsOf(2, 11, 4, 4) as [Tensor, Tensor];
      const whole = causalConv(x, w);
      for (const cuts of [
        [4, 7],
        [1, 1, 1, 1, 7],
        [2, 9],
      ]) {
        let state: Tensor | undefined;
        let start = 0;
        const parts = cuts.map((length) => {
          const part = x.narrow(1, start, length);
          start += length;
          const y = causalConv(part, w, { state });
          state = convState(part, 4, state);
          return y;
        });
        expect(cat(parts, 1).tolist()).toEqual(whole.tolist());
      }
    });
  });

  it('names what does not fit', () => {
    scope(() => {
      const [x, w] = inputsOf(2, 5, 4, 4) as [Tensor, Tensor];
      expect(() => causalConv(x, w.narrow(0, 0, 3))).toThrow(ShapeError);
      expect(() => causalConv(x, w, { documents: documentsOf(1, 5, [2]) })).toThrow(/documents must be \[2, 5\]/);
      expect(() => causalConv(x, w, { state: randn([2, 4, 2], new Rng(1)) })).toThrow(/state must be \[2, 4, 3\]/);
    });
  });
});
