// Logit norms against numbers worked out by hand, and QK-norm's bound on attention logits.
import { describe, expect, it } from 'vitest';
import { tensorAt } from '../nn/index.ts';
import { noGrad, scope, tensor } from '../torch/index.ts';
import type { Attention } from './attention.ts';
import { initialWeights, logitNorms, Plamo2, preset } from './index.ts';

const small = (changes: object = {}) =>
  preset('dense', {
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    hidden_size_per_head: 16,
    vocab_size: 50,
    ...changes,
  });
const batch = () =>
  tensor(
    BigInt64Array.from({ length: 24 }, (_, i) => BigInt((i * 7) % 50)),
    { shape: [2, 12] },
  );

/** The model's attention logits at layer 0, worked out in plain TypeScript. */
function expectedLargest(model: Plamo2, window: number): number {
  const { q, k } = scope(() => {
    const block = model.model.layers.layers[0]!;
    const x = tensorAt(model, 'model.embed_tokens.weight').index([batch()]);
    const inner = x.div(x.square().mean([-1], true).add(model.config.rms_norm_eps).sqrt());
    const mixer = block.mixer as Attention;
    const qkv = inner.matmul(tensorAt(mixer, 'qkv_proj.weight').t()).reshape([2, 12, 8, 16]);
    return { q: qkv.narrow(2, 0, 4).tolist() as number[][][][], k: qkv.narrow(2, 4, 2).tolist() as number[][][][] };
  });
  const turn = (x: number[], position: number) =>
    x.map((value, i) => {
      const angle = position * 10_000 ** (-(i % 8) / 8);
      const other = i < 8 ? -x[i + 8]! : x[i - 8]!;
      return value * Math.cos(angle) + other * Math.sin(angle);
    });
  let most = 0;
  for (let b = 0; b < 2; b++)
    for (let i = 0; i < 12; i++)
      for (let j = Math.max(0, i - window); j <= i; j++)
        for (let h = 0; h < 4; h++) {
          const query = turn(q[b]![i]![h]!, i);
          const key = turn(k[b]![j]![h >> 1]!, j);
          most = Math.max(most, Math.abs(query.reduce((sum, value, n) => sum + value * key[n]!, 0)) / 4);
        }
  return most;
}

describe('logitNorms', () => {
  it('finds the largest attention logit that the mask lets through', () => {
    for (const window of [2, 4096])
      scope(() =>
        noGrad(() => {
          using model = new Plamo2(small({ qk_norm: false, attention_window_size: window }), initialWeights(4));
          const { attention } = logitNorms(model, batch());
          expect(attention.map(({ layer }) => layer)).toEqual([0, 1]);
          const expected = expectedLargest(model, window);
          expect(attention[0]!.largest / expected).toBeCloseTo(1, 5);
        }),
      );
  });

  it('measures the logits and log Z that the loss measures', () => {
    scope(() =>
      noGrad(() => {
        using model = new Plamo2(small(), initialWeights(4));
        const ids = batch();
        const norms = logitNorms(model, ids);
        const squared = model.loss({ ids, targets: ids }).meanSquaredLogsumexp.item();
        expect(norms.logZ ** 2).toBeCloseTo(squared, 4);
        const logits = [...model.logits(model.forward(ids)).flatten().data()].map(Number);
        const mean = logits.reduce((sum, value) => sum + value ** 2, 0) / logits.length;
        expect(norms.logits).toBeCloseTo(Math.sqrt(mean), 5);
      }),
    );
  });

  it('shows what QK-norm does: logits of at most √d, however large the projection is', () => {
    scope(() =>
      noGrad(() => {
        const largest = (qk_norm: boolean, factor: number) => {
          using model = new Plamo2(small({ qk_norm }), initialWeights(4));
          tensorAt(model, 'model.layers.layers.0.mixer.qkv_proj.weight').detach().mul_(factor);
          return logitNorms(model, batch()).attention[0]!.largest;
        };
        expect(largest(true, 1000)).toBeLessThanOrEqual(Math.sqrt(16) * 1.00001);
        expect(largest(false, 1000) / largest(false, 1)).toBeCloseTo(1e6, -2);
      }),
    );
  });
});
