// How large a model's logits are, at the head and in attention: what z-loss and QK-norm keep small. For a probe batch now
// and then, not for every step: the scores of a layer exist whole.
import { arange, noGrad, scope, type Tensor } from '../torch/index.ts';
import { Attention } from './attention.ts';
import { windowOf } from './config.ts';
import type { Plamo2 } from './model.ts';
import { RopeTables } from './rope-tables.ts';

export interface LogitNorms {
  /** √ of the mean logit², over tokens and vocabulary. */
  logits: number;
  /** √ of the mean (log Z)² over tokens, Z = Σ exp(logit): the root of what training logs as `meanSquaredLogsumexp`. */
  logZ: number;
  /** Of every attention layer: the largest |q·k|/√d of a query and a key it sees. */
  attention: { layer: number; largest: number }[];
}

/**
 * Measures a batch of token ids [B, T] int64, each row one document. Logits and scores are taken in f32, no gradients are
 * recorded; needs room for B·H·T² and B·T·V numbers.
 */
export function logitNorms(model: Plamo2, ids: Tensor): LogitNorms {
  using rope = new RopeTables();
  return scope(() =>
    noGrad(() => {
      const { config } = model;
      const context = { rope, offset: 0 };
      const attention: LogitNorms['attention'] = [];
      let h = model.model.embed_tokens.forward(ids); // [B, T, D]
      for (const [layer, block] of model.model.layers.layers.entries()) {
        if (block.mixer instanceof Attention) {
          const inner = block.pre_mixer_norm.forward(h);
          const { q, k } = block.mixer.queriesKeysValues(inner, context);
          attention.push({ layer, largest: largestScore(q, k, windowOf(config, layer)) });
        }
        h = block.forward(h, context);
      }
      const logits = model.logits(model.forward(ids)).float(); // [B, T, V]
      const rms = (values: Tensor) => Math.sqrt(values.square().mean().item());
      return { logits: rms(logits), logZ: rms(logits.logsumexp(-1)), attention };
    }),
  );
}

/** max |q·k|/√d over i − W ≤ j ≤ i. q [B, T, H, d], k [B, T, K, d]; query head h meets key head ⌊h·K/H⌋. */
function largestScore(q: Tensor, k: Tensor, window: number | null): number {
  return scope(() => {
    const [, T, H, d] = q.shape as [number, number, number, number];
    const keys = k.float().repeatInterleave(H / k.size(2), 2); // [B, T, H, d]
    const scores = q
      .float()
      .transpose(1, 2)
      .matmul(keys.permute([0, 2, 3, 1])); // [B, H, T, T]
    const i = arange(0, T, { device: q.device }).unsqueeze(1);
    const j = arange(0, T, { device: q.device });
    const before = j.gt(i).logicalOr(j.lt(i.sub(window ?? T)));
    return scores.div(Math.sqrt(d)).abs().maskedFill(before, 0).max().item();
  });
}
