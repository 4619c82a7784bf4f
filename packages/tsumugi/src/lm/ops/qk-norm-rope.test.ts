// QK-norm and RoPE on the fused projection: the kernel against its twin, gradients, and the twin against plain numbers.
import { describe, expect, it } from 'vitest';
import { gradcheck } from '../../nn/index.ts';
import { expectClose } from '../../nn/nn.testing.ts';
import {
  type DType,
  grad,
  kernelTakes,
  numThreads,
  Rng,
  randn,
  scope,
  setThreads,
  type Tensor,
} from '../../torch/index.ts';
import { qkNormRope, qkvNormRope, qkvNormRopePlain } from './qk-norm-rope.ts';
import { ropeTable } from './rope.ts';

function inputsOf(B: number, T: number, H: number, K: number, d: number, dtype: DType) {
  const rng = new Rng(3);
  const make = (shape: number[]) => randn(shape, rng, { dtype: 'float64' }).to(dtype).requiresGrad_();
  return {
    inputs: [make([B, T, (H + 2 * K) * d]), make([H, d]), make([K, d])] as [Tensor, Tensor, Tensor],
    table: ropeTable(T + 2, d, 10_000, { dtype }),
    options: { heads: H, kvHeads: K },
    directions: [H, K, K].map((heads) => randn([B, T, heads, d], rng, { dtype: 'float64' }).to(dtype)),
  };
}

function evaluate(of: ReturnType<typeof inputsOf>, run: typeof qkvNormRope): Tensor[] {
  const outputs = run(...of.inputs, of.table, of.options);
  return [...outputs, ...(grad(outputs, of.inputs, { gradients: of.directions }) as Tensor[])];
}

describe('qkvNormRope', () => {
  it('is its twin, values and gradients, for any sizes', () => {
    for (const [B, T, H, K, d] of [[2, 5, 6, 2, 64], [1, 1, 1, 1, 2], [3, 100, 4, 1, 20], [1, 700, 3, 3, 16]] as const) // biome-ignore format: rows
      scope(() => {
        const exact = evaluate(inputsOf(B, T, H, K, d, 'float64'), qkvNormRopePlain);
        const single = inputsOf(B, T, H, K, d, 'float32');
        expect(kernelTakes('tsumugi::qkv_norm_rope', single.inputs[0])).toBe(true);
        evaluate(single, qkvNormRope).forEach((each, i) => {
          // The weights' gradients are sums over all tokens.
          expectClose(each, exact[i]!, i < 4 ? 1e-5 : 1e-6 * Math.sqrt(B * T) + 2e-5);
        });
        evaluate(inputsOf(B, T, H, K, d, 'float64'), qkvNormRope).forEach((each, i) => {
          expectClose(each, exact[i]!, 1e-11);
        });
      });
  });

  it('passes gradcheck', () => {
    scope(() => {
      const { inputs, table, options } = inputsOf(2, 3, 2, 1, 4, 'float64');
      gradcheck((...[qkv, q, k]) => qkvNormRope(qkv!, q!, k!, table, options), inputs);
      gradcheck((...[qkv, q, k]) => qkvNormRopePlain(qkv!, q!, k!, table, options), inputs);
    });
  });

  it('norms each head by itself with epsilon 1e-6, and leaves values alone', () => {
    scope(() => {
      const { inputs, table, options } = inputsOf(1, 2, 2, 1, 4, 'float64');
      const [q, k, v] = qkvNormRope(inputs[0].mul(1e-3), inputs[1], inputs[2], table, options);
      const row = inputs[0].mul(1e-3).data() as Float64Array; // token 0 is not rotated: position 0
      const weights = [...inputs[1].data(), ...inputs[2].data()].map(Number);
      for (let head = 0; head < 3; head++) {
        const x = row.slice(4 * head, 4 * head + 4);
        const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / 4 + 1e-6);
        const got = head < 2 ? q.data().slice(4 * head, 4 * head + 4) : k.data().slice(0, 4);
        for (let i = 0; i < 4; i++) expect(got[i]).toBeCloseTo(x[i]! * scale * weights[4 * head + i]!, 12);
      }
      expect(v.data().slice(0, 4)).toEqual(row.slice(12, 16));
    });
  });

  it('takes a projection whose rows lie apart, and gives the same bits with any number of threads', () => {
    const threads = numThreads();
    try {
      scope(() => {
        const of = inputsOf(2, 130, 4, 2, 16, 'float32');
        const wide = randn([2, 130, 200], new Rng(5));
        const slice = wide.narrow(2, 30, 128).requiresGrad_();
        const run = (qkv: Tensor) => evaluate({ ...of, inputs: [qkv, of.inputs[1], of.inputs[2]] }, qkvNormRope);
        setThreads(1);
        const expected = run(wide.narrow(2, 30, 128).contiguous().requiresGrad_()).map((each) => each.data());
        setThreads(2);
        expect(run(slice).map((each) => each.data())).toEqual(expected);
      });
    } finally {
      setThreads(threads);
    }
  });

  it('says what is wrong', () => {
    scope(() => {
      const { inputs, table, options } = inputsOf(1, 3, 2, 1, 4, 'float32');
      expect(() => qkvNormRope(...inputs, table, { heads: 3, kvHeads: 1 })).toThrow(/\[B, T, \(H \+ 2K\)·d\]/);
      expect(() => qkvNormRope(...inputs, ropeTable(2, 4, 1e4), options)).toThrow(/at least 3 rows/);
    });
  });
});

describe('qkNormRope', () => {
  it('is the piece of the fused operator', () => {
    scope(() => {
      const { inputs, table, options } = inputsOf(2, 5, 4, 2, 8, 'float64');
      const [q] = qkvNormRope(...inputs, table, options);
      expectClose(qkNormRope(inputs[0].narrow(2, 0, 32).reshape([2, 5, 4, 8]), inputs[1], table), q, 1e-12);
    });
  });
});
