// RoPE on the fused projection without QK-norm: against plain numbers, gradients, and on to attention's kernel.
import { describe, expect, it } from 'vitest';
import { gradcheck } from '../../nn/index.ts';
import { expectClose } from '../../nn/nn.testing.ts';
import { arange, type DType, grad, kernelTakes, Rng, randn, scope, type Tensor } from '../../torch/index.ts';
import { windowedAttention } from './attention.ts';
import { qkvRope } from './qkv-rope.ts';
import { ropeTable } from './rope.ts';

const options = { heads: 4, kvHeads: 2 };

function inputsOf(B: number, T: number, d: number, dtype: DType) {
  const rng = new Rng(3);
  const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).to(dtype);
  const qkv = make([B, T, (options.heads + 2 * options.kvHeads) * d]).requiresGrad_();
  return { qkv, table: ropeTable(T + 2, d, 10_000, { dtype }), direction: make([B, T, options.heads, d]) };
}

/** Softmax attention written out: full causal, no kernels, query head h on key head ⌊h/2⌋. */
function plainAttention(q: Tensor, k: Tensor, v: Tensor): Tensor {
  const [, T, , d] = q.shape as [number, number, number, number];
  const [keys, values] = [k, v].map((each) => each.repeatInterleave(2, 2).transpose(1, 2)) as [Tensor, Tensor];
  const scores = q.transpose(1, 2).matmul(keys.transpose(2, 3)).div(Math.sqrt(d));
  const future = arange(0, T).gt(arange(0, T).unsqueeze(1));
  return scores.maskedFill(future, Number.NEGATIVE_INFINITY).softmax(-1).matmul(values).transpose(1, 2);
}

describe('qkvRope', () => {
  it('turns queries and keys by their position and leaves values alone', () => {
    scope(() => {
      const { qkv, table } = inputsOf(1, 3, 4, 'float64');
      const [q, k, v] = qkvRope(qkv, table, options);
      expect([q.shape, k.shape, v.shape]).toEqual([
        [1, 3, 4, 4],
        [1, 3, 2, 4],
        [1, 3, 2, 4],
      ]);
      const x = qkv.data() as Float64Array;
      for (let t = 0; t < 3; t++) {
        const row = x.slice(32 * t, 32 * (t + 1));
        const turned = [...q.select(1, t).flatten().data(), ...k.select(1, t).flatten().data()].map(Number);
        for (let head = 0; head < 6; head++)
          for (let j = 0; j < 2; j++) {
            const angle = t * 10_000 ** (-j / 2);
            const [a, b] = [row[4 * head + j]!, row[4 * head + j + 2]!];
            expect(turned[4 * head + j]).toBeCloseTo(a * Math.cos(angle) - b * Math.sin(angle), 12);
            expect(turned[4 * head + j + 2]).toBeCloseTo(b * Math.cos(angle) + a * Math.sin(angle), 12);
          }
        expect([...v.select(1, t).flatten().data()]).toEqual([...row.slice(24)]);
      }
    });
  });

  it('passes gradcheck, alone and through attention', () => {
    scope(() => {
      const { qkv, table } = inputsOf(2, 3, 4, 'float64');
      gradcheck((x) => qkvRope(x!, table, options), [qkv]);
      gradcheck((x) => windowedAttention(...qkvRope(x!, table, options), { window: null }), [qkv]);
    });
  });

  it('and the attention kernel are the plain composition in float64, values and gradients', () => {
    scope(() => {
      const exact = inputsOf(2, 70, 16, 'float64');
      const expected = plainAttention(...qkvRope(exact.qkv, exact.table, options));
      const [dExpected] = grad([expected], [exact.qkv], { gradients: [exact.direction] }) as [Tensor];
      const single = inputsOf(2, 70, 16, 'float32');
      expect(kernelTakes('tsumugi::windowed_attention', single.qkv)).toBe(true);
      const got = windowedAttention(...qkvRope(single.qkv, single.table, options), { window: null });
      const [dGot] = grad([got], [single.qkv], { gradients: [single.direction] }) as [Tensor];
      expectClose(got.to('float64'), expected, 1e-5);
      expectClose(dGot.to('float64'), dExpected, 3e-5);
    });
  });

  it('says what is wrong', () => {
    scope(() => {
      const { qkv, table } = inputsOf(1, 3, 4, 'float32');
      expect(() => qkvRope(qkv, table, { heads: 5, kvHeads: 2 })).toThrow(/\[B, T, \(H \+ 2K\)·d\]/);
      expect(() => qkvRope(qkv, ropeTable(2, 4, 1e4), options)).toThrow(/at least T/);
    });
  });
});
