// For tests: models whose every tensor takes part, and what they answer.

import { Plamo2, type Plamo2Config, preset } from '../../lm/index.ts';
import { initialTensor } from '../../lm/init.ts';
import { tensorAt } from '../../nn/index.ts';
import { type DType, noGrad, Rng, randn, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { TensorSource } from './reshape.ts';

/** Small in all but the hidden width, so that the rank of Δ can change: 128 at 2,048. */
export const reshapeConfig = (changes: Partial<Plamo2Config> = {}): Plamo2Config =>
  preset('mini', {
    ...{ hidden_size: 96, intermediate_size: 24, num_hidden_layers: 6, vocab_size: 50, hidden_size_per_head: 8 },
    ...{ num_attention_heads: 8, num_key_value_heads: 4, mamba_num_heads: 6, mamba_d_state: 8 },
    ...{ attention_window_size: 6, mamba_chunk_size: 4, ...changes },
  });

/** A model in which gains, biases and decays differ from their initial values. */
export function livelyModel(config: Plamo2Config, { seed = 1, dtype = 'float32' as DType } = {}): Plamo2 {
  const rng = new Rng(seed);
  const lively = (name: string, shape: readonly number[]): Tensor => {
    if (shape.length > 1 && name.endsWith('proj.weight')) return randn(shape, rng).mul(2 / Math.sqrt(shape[1]!));
    const initial = initialTensor(name, shape, rng);
    const spread = name.includes('embed') || name.includes('lm_head') ? 0.5 / Math.sqrt(shape[1]!) : 0.2;
    return initial.add(randn(shape, rng).mul(spread));
  };
  return new Plamo2(config, (name, shape) => scope(() => lively(name, shape).to(dtype)));
}

export const weightsOf = (model: Plamo2): TensorSource => ({
  tensor: (name) => tensorAt(model, name).detach(),
  info: (name) => tensorAt(model, name),
});

/** Logits of two rows of 16 tokens. */
export function answers(model: Plamo2): Float64Array {
  return scope(() =>
    noGrad(() => {
      const ids = tensor(
        Array.from({ length: 32 }, (_, i) => (i * i * 7 + 3 * i) % 50),
        { dtype: 'int64', shape: [2, 16] },
      );
      return Float64Array.from(model.logits(model.forward(ids)).data() as Float32Array | Float64Array);
    }),
  );
}

export const largestDifference = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

/** Sets rows, or columns, of a tensor to zero. */
export function clear(model: Plamo2, name: string, dimension: number, places: readonly number[]): void {
  noGrad(() =>
    scope(() => {
      const held: Tensor = tensorAt(model, name);
      for (const place of places) held.select(dimension, place).zero_();
    }),
  );
}
