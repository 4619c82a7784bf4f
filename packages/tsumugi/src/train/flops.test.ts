// The work of a step: keys counted one by one, six operations per weight and token, and what recomputation adds.
import { expect, it } from 'vitest';
import { preset, tensorShapes } from '../lm/index.ts';
import { numElements } from '../torch/index.ts';
import { keysSeen, modelFlops, trainingFlops } from './flops.ts';
import { attentionLayers } from './switch-attention.ts';

it.each([null, 0, 1, 5, 99, 100, 1000])('counts the keys in reach of a window of %s', (window) => {
  for (const T of [1, 2, 7, 100]) {
    let sum = 0;
    for (let i = 0; i < T; i++) sum += window === null ? i + 1 : Math.min(i, window) + 1;
    expect(keysSeen(T, window)).toBe(sum);
  }
});

const bench = preset('bench');
const full = preset('bench', { full_attention_idx: attentionLayers(bench) });
const flops = (config: typeof bench, sequenceLength: number, changes = {}) =>
  trainingFlops(config, { sequenceLength, batchSize: 1, activationCheckpointing: false, ...changes });

it('is little more than six operations per matrix weight and token for short rows', () => {
  let weights = 0;
  for (const shape of tensorShapes(bench).values()) if (shape.length === 2) weights += numElements(shape);
  const ratio = flops(bench, 512) / (6 * weights * 512);
  expect(ratio).toBeGreaterThan(1);
  expect(ratio).toBeLessThan(1.25);
});

it('grows in proportion to tokens for a window, and with their square for full attention', () => {
  // From one row length to twice it, the window's part beyond its reach is linear.
  expect(flops(bench, 16384) / flops(bench, 8192)).toBeCloseTo(2, 1);
  const extra = (T: number) => flops(full, T) - flops(bench, T);
  expect(Math.abs(extra(65536) / extra(32768) - 4)).toBeLessThan(0.1);
  // 14·H·d for each of the T²/2 pairs (4 forward, 10 backward) in four layers, but for those the window saw.
  const pairs = keysSeen(32768, null) - keysSeen(32768, 512);
  expect(extra(32768)).toBeCloseTo(4 * 14 * 6 * 64 * pairs, -6);
});

it('counts recomputation as one more forward of the layers, and micro-batches and rows by their number', () => {
  const plain = flops(bench, 512);
  const head = 6 * 512 * bench.vocab_size * bench.hidden_size;
  const again = flops(bench, 512, { activationCheckpointing: true }) - plain;
  expect(again / (plain - head)).toBeGreaterThan(0.28);
  expect(again / (plain - head)).toBeLessThan(1 / 3);
  expect(flops(bench, 512, { batchSize: 3, gradientAccumulation: 2 })).toBe(6 * plain);
});

it('counts the head for the tokens that are predicted', () => {
  const head = 6 * bench.vocab_size * bench.hidden_size;
  expect(flops(bench, 512) - flops(bench, 512, { predicted: 100 })).toBe(412 * head);
  expect(flops(bench, 512, { predicted: 512 })).toBe(flops(bench, 512));
});

it('takes three forwards for what the model needs, whatever is recomputed', () => {
  const attention = preset('bench', {
    mamba_enabled: false,
    full_attention_idx: [...Array(8).keys()],
    num_hidden_layers: 8,
  });
  let weights = 0;
  for (const [name, shape] of tensorShapes(attention))
    if (/(proj|embed_tokens)\.weight$/.test(name)) weights += numElements(shape);
  const [T, heads, headDim] = [64, attention.num_attention_heads, attention.hidden_size_per_head];
  // Two operations for each weight and token; four for each head's dimension and pair of a query and a key before it.
  const forward = 2 * T * weights + 8 * 4 * heads * headDim * ((T * (T + 1)) / 2);
  const shape = { sequenceLength: T, batchSize: 3, gradientAccumulation: 2 };
  for (const activationCheckpointing of [false, true])
    expect(modelFlops(attention, { ...shape, activationCheckpointing })).toBeCloseTo(6 * 3 * forward, -3);
});

it('counts a Mamba layer: products, taps of the convolution, the scan in chunks', () => {
  const mamba = preset('bench', { num_hidden_layers: 2, full_attention_idx: [1] });
  expect(attentionLayers(mamba)).toEqual([1]);
  let weights = 0;
  // Two operations for each weight and token: of products, and of the taps.
  for (const [name, shape] of tensorShapes(mamba))
    if (/(proj|embed_tokens|conv1d)\.weight$/.test(name)) weights += numElements(shape);
  const { mamba_num_heads: m, hidden_size_per_head: P, mamba_d_state: N, num_attention_heads: H } = mamba;
  const [T, L] = [256, 64];
  const attention = (4 * H * P * (T + 1)) / 2;
  const scan = 2 * L * N + m * (2 * L * P + 4 * N * P);
  const shape = { sequenceLength: T, batchSize: 1, activationCheckpointing: false };
  expect(modelFlops(mamba, shape) / (3 * T * (2 * weights + scan + attention))).toBeCloseTo(1, 9);
});
