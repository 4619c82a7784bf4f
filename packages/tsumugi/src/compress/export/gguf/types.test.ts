// The mixes on the published shape of 1B: 16 layers, every second of them attention.
import { expect, it } from 'vitest';
import { preset } from '../../../lm/index.ts';
import { gateLimits } from './limits.ts';
import { planGguf } from './plan.ts';

const of = (type: 'Q4_K_M' | 'Q5_K_M' | 'Q8_0' | 'F16') => planGguf(preset('1b'), type);

it.each([
  ['Q4_K_M', 'Q4_K', 'Q5_K'],
  ['Q5_K_M', 'Q5_K', 'Q6_K'],
] as const)('%s raises the head, QKV, and the down projections of some layers', (type, base, raised) => {
  const types = new Map(of(type).tensors.map(({ gguf, type }) => [gguf, type]));
  expect(types.get('token_embd.weight')).toBe('Q6_K'); // it is the head as well
  // The first and last two layers, and of the pairs between every third.
  const down = Array.from({ length: 16 }, (_, i) => types.get(`blk.${i}.ffn_down.weight`));
  const more = [0, 1, 6, 7, 12, 13, 14, 15];
  expect(down).toEqual(Array.from({ length: 16 }, (_, i) => (more.includes(i) ? 'Q6_K' : base)));
  expect(types.get('blk.1.attn_qkv.weight')).toBe(raised);
  expect(types.get('blk.1.attn_output.weight')).toBe(base);
  expect(types.get('blk.0.ffn_up.weight')).toBe(base);
  expect(types.get('blk.0.ssm_in.weight')).toBe(base);
  expect(types.get('blk.0.ssm_x.weight')).toBe('Q8_0');
  expect(types.get('blk.0.ssm_out.weight')).toBe('BF16');
});

it('adds up to the bytes of the published sizes', () => {
  const { bytes, bitsPerWeight, notes } = of('F16');
  const weights = 1_291_441_920;
  // 2 bytes for matrices, 4 for the rest: 8 convolutions of 4096·4, norms, and what Mamba has of each head.
  const small = 8 * (4096 * 4 + 3 * 32 + 128 + 64 + 64) + 8 * (16 + 1) * 128 + 16 * 4 * 2048 + 2048;
  expect(bytes).toBe(2 * (weights - small) + 4 * small);
  expect(bitsPerWeight).toBeCloseTo((8 * bytes) / weights, 10);
  expect(notes).toEqual([]);
  const q4 = of('Q4_K_M');
  // Of 1,291,441,920: 8·4096·2048 in 16 bits, the embedding and 8 down projections in 6.5625, QKV in 5.5, the rest in 4.5.
  const [bf16, q6, q5] = [8 * 4096 * 2048, 100_000 * 2048 + 8 * 8192 * 2048, 8 * 18 * 128 * 2048];
  const [q8, f32] = [8 * 256 * 4096, small + 8 * 32 * 128];
  const q4k = weights - bf16 - q6 - q5 - q8 - f32;
  expect(8 * q4.bytes).toBe(16 * bf16 + 6.5625 * q6 + 5.5 * q5 + 8.5 * q8 + 32 * f32 + 4.5 * q4k);
});

it('may differ from its source by as much as its bits explain, and F32 by no more than 1e-3 nats anywhere', () => {
  expect(gateLimits.F32).toEqual({ meanKl: 1e-3, maxKl: 1e-3 });
  const { F32: _, ...others } = gateLimits;
  expect(Math.max(...Object.values(others).map(({ meanKl }) => meanKl))).toBe(0.5);
  const order = ['F16', 'BF16', 'Q8_0', 'Q6_K', 'Q5_K', 'Q4_K'] as const;
  const means = order.map((type) => gateLimits[type].meanKl);
  expect(means).toEqual([0.01, 0.02, 0.05, 0.1, 0.2, 0.5]); // what docs/export.md says
});
