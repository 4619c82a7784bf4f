// What caches hold and when they take more room: bytes by hand, buffers that stay where they are, and what is refused.
import { describe, expect, it } from 'vitest';
import { ones, scope, type Tensor } from '../torch/index.ts';
import { AttentionCache } from './cache.ts';
import { Cache, initialWeights, Plamo2 } from './index.ts';
import { smallConfig } from './lm.testing.ts';

const [K, d] = [2, 4];
const rows = (T: number, value = 1) => ones([1, T, K, d]).mul(value);
const rowBytes = 2 * K * d * 4; // keys and values, f32

/** Appends T rows of a value and returns the keys that the new queries reach, one number a row. */
const append = (cache: AttentionCache, T: number, value: number) =>
  scope(() => {
    const { k } = cache.append(rows(T, value), rows(T, value));
    return (k.select(0, 0).select(1, 0).select(1, 0).tolist() as number[]).join(' ');
  });

describe('an attention cache', () => {
  it('has room for twice what it needs, 64 rows at least, and takes more when they are full', () => {
    const cache = new AttentionCache(null);
    expect(cache.bytes).toBe(0);
    append(cache, 32, 1);
    append(cache, 32, 2); // fits to the last row
    expect(cache.bytes).toBe(64 * rowBytes);
    append(cache, 1, 3);
    expect(cache.bytes).toBe(2 * 65 * rowBytes);
    cache.dispose();
  });

  it('reaches back by its window, however long the text, in a buffer that does not grow', () => {
    const cache = new AttentionCache(3);
    expect(append(cache, 2, 1)).toBe('1 1');
    expect(append(cache, 2, 2)).toBe('1 1 2 2');
    expect(append(cache, 1, 3)).toBe('1 2 2 3');
    for (let i = 0; i < 200; i++) append(cache, 1, 10 + i);
    expect(append(cache, 1, 5)).toBe('207 208 209 5');
    expect(cache.bytes).toBe(64 * rowBytes);
    cache.dispose();
  });

  it('refuses keys and values of two shapes', () => {
    const cache = new AttentionCache(null);
    scope(() => {
      expect(() => cache.append(rows(2), rows(3))).toThrow('keys and values have one shape');
      cache.dispose();
    });
  });
});

describe('the cache of a model', () => {
  const model = (dtype: 'float32' | 'float64' = 'float32') => {
    const weights = initialWeights(1);
    return scope(() => new Plamo2(smallConfig(), (name, shape): Tensor => weights(name, shape).to(dtype)));
  };
  const { num_hidden_layers: layers, mamba_num_heads: m, hidden_size_per_head: P, mamba_d_state: N } = smallConfig();

  it('holds the states of its Mamba layers: 3 inputs of each channel, and N numbers, in f32 or f64', () => {
    for (const [dtype, size] of [
      ['float32', 4],
      ['float64', 8],
    ] as const) {
      using built = model(dtype);
      using cache = new Cache(built, { batch: 2 });
      expect(cache.bytes).toBe((layers / 2) * 2 * (m * P * 3 + m * P * N) * size);
    }
    using built = model();
    using half = new Cache(built, { dtype: 'bfloat16' });
    expect(half.bytes).toBe((layers / 2) * (m * P * 3 * 2 + m * P * N * 4));
  });
});
