// Attention to one block of keys: the kernel against its twin, and blocks put together against attention to all at once.
import { expect, it } from 'vitest';
import { expectClose } from '../../nn/nn.testing.ts';
import { type DType, grad, noGrad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import { windowedAttention } from './attention.ts';
import {
  attentionBlock,
  attentionBlockGradients,
  attentionBlockGradientsPlain,
  attentionBlockPlain,
} from './attention-block.ts';

interface Case {
  B: number;
  T: number;
  S: number;
  H: number;
  K: number;
  d: number;
  offset: number;
  /** The first key that query t sees. */
  low?: (t: number, b: number) => number;
}

const cases: Case[] = [
  { B: 2, T: 9, S: 9, H: 2, K: 1, d: 4, offset: 0 },
  { B: 1, T: 150, S: 150, H: 4, K: 2, d: 16, offset: 0, low: (t) => Math.max(0, t - 20) },
  // A block that ends before the queries; some or all of them see nothing of it.
  { B: 2, T: 200, S: 70, H: 6, K: 2, d: 24, offset: 70 },
  { B: 2, T: 300, S: 130, H: 2, K: 1, d: 16, offset: 131, low: (t, b) => Math.min(130, 3 * t + 20 * b) },
  { B: 1, T: 5, S: 300, H: 2, K: 2, d: 16, offset: 400, low: (t) => Math.min(100 * t, 300) },
  { B: 1, T: 260, S: 128, H: 2, K: 2, d: 16, offset: 128, low: () => 128 },
  { B: 1, T: 3, S: 64, H: 2, K: 2, d: 16, offset: 64, low: () => 64 },
  // One that ends among them.
  { B: 1, T: 100, S: 90, H: 4, K: 1, d: 8, offset: 30, low: (t) => Math.floor(t / 2) },
];

const random = (rng: Rng, shape: number[], dtype: DType) => randn(shape, rng, { dtype: 'float64' }).to(dtype);

it.each(cases.map((each) => [JSON.stringify(each), each] as const))('%s', (_, { B, T, S, H, K, d, offset, low }) => {
  for (const [dtype, tolerance] of [
    ['float64', 1e-11],
    ['float32', 2e-5],
  ] as const)
    scope(() => {
      const rng = new Rng(3);
      const q = random(rng, [B, T, H, d], dtype);
      const [k, v] = [random(rng, [B, S, K, d], dtype), random(rng, [B, S, K, d], dtype)];
      const lows = low && Int32Array.from({ length: B * T }, (_, i) => low(i % T, Math.floor(i / T)));
      const reach = { offset, scale: 0.3, low: lows && tensor(lows).view([B, T]) };
      const [fast, plain] = [attentionBlock(q, k, v, reach), attentionBlockPlain(q, k, v, reach)];
      expect(fast.out.isfinite().all().item()).toBe(1);
      expectClose(fast.out, plain.out, tolerance);
      const ofSums = (x: Tensor) => x.exp();
      expectClose(ofSums(fast.logsumexp), ofSums(plain.logsumexp), 10 * tolerance);
      // As if other blocks had brought something, too.
      const whole = { out: plain.out.add(0.1), logsumexp: plain.logsumexp.exp().add(1).log() };
      const g = random(rng, [B, T, H, d], dtype);
      const gradients = attentionBlockGradients(g, q, k, v, whole, reach);
      const expected = attentionBlockGradientsPlain(g, q, k, v, whole, reach);
      for (const [i, each] of gradients.entries()) expectClose(each, expected[i]!, tolerance);
    });
});

it('is attention where there is one block, with its gradients', () =>
  scope(() => {
    const rng = new Rng(5);
    const [B, T, S, H, K, d, window] = [2, 60, 75, 4, 2, 8, 20];
    const q = random(rng, [B, T, H, d], 'float64').requiresGrad_();
    const k = random(rng, [B, S, K, d], 'float64').requiresGrad_();
    const v = random(rng, [B, S, K, d], 'float64').requiresGrad_();
    const g = random(rng, [B, T, H, d], 'float64');
    const expected = windowedAttention(q, k, v, { window });
    const low = tensor(Int32Array.from({ length: B * T }, (_, i) => Math.max(0, (i % T) + S - T - window))).view([
      B,
      T,
    ]);
    const reach = { offset: S - T, low, scale: 1 / Math.sqrt(d) };
    noGrad(() => {
      for (const [attention, gradients] of [
        [attentionBlock, attentionBlockGradients],
        [attentionBlockPlain, attentionBlockGradientsPlain],
      ] as const) {
        const found = attention(q, k, v, reach);
        expectClose(found.out, expected, 1e-12);
        const wanted = grad([expected], [q, k, v], { gradients: [g], retainGraph: true });
        for (const [i, each] of gradients(g, q, k, v, found, reach).entries()) expectClose(each, wanted[i]!, 1e-12);
      }
    });
  }));

it('refuses keys that do not fit', () =>
  scope(() => {
    const [q, k] = [randn([1, 3, 2, 4]), randn([1, 5, 2, 4])];
    const low = (...values: number[]) => ({ offset: 5, scale: 1, low: tensor(Int32Array.from(values)).view([1, 3]) });
    expect(() => attentionBlock(q, k, k, low(0, 2, 1))).toThrow('never decrease');
    expect(() => attentionBlock(q, k, k, low(0, 2, 6))).toThrow('to the number of keys');
    expect(() => attentionBlock(q, k, k, { offset: -1, scale: 1 })).toThrow('offset of at least 0');
    expect(() => attentionBlock(q, randn([1, 5, 3, 4]), randn([1, 5, 3, 4]), { offset: 5, scale: 1 })).toThrow(
      'multiple',
    );
  }));
