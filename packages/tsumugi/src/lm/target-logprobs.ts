// Log-probabilities of targets that can be differentiated: what losses over whole answers (DPO, GRPO) are made of.
import { checkCount, checkOptions } from '../base/index.ts';
import { cat, checkpoint, noGrad, scope, type Tensor } from '../torch/index.ts';
import type { LanguageModel } from './types.ts';

/** Logits of a chunk take 64 MB in f32. */
const logitsAtOnce = 2 ** 24;

/** Of the n targets that are not −100, in the order of the flattened targets. */
export interface TargetLogprobs {
  /** ln p(target): [n], in f32 at least. */
  logprobs: Tensor;
  /** Entropy of the distribution that the target was one of, in nats: [n], without gradient. */
  entropies: Tensor;
  /** Where they stand among the flattened targets: int64 [n]. */
  places: Tensor;
}

/**
 * Only the logits of targets that count are made, a chunk at a time, and made again in the backward pass.
 *
 * @param hidden [..., D] from `model.forward`
 * @param targets [...] int64; −100 is ignored
 */
export function targetLogprobs(
  model: LanguageModel,
  hidden: Tensor,
  targets: Tensor,
  options: { chunk?: number | undefined } = {},
): TargetLogprobs {
  checkOptions('targetLogprobs', options, { chunk: true });
  checkCount('chunk', options.chunk, 1);
  const { chunk = Math.max(64, Math.floor(logitsAtOnce / model.config.vocab_size)) } = options;
  return scope(() => {
    const flat = targets.reshape([-1]);
    const places = flat.ne(-100).nonzero().squeeze(-1); // [n]
    const wanted = flat.indexSelect(0, places);
    const rows = hidden.reshape([-1, hidden.size(-1)]).indexSelect(0, places); // [n, D]
    const parts: { logprobs: Tensor; entropies: Tensor }[] = [];
    for (let from = 0; from === 0 || from < places.size(0); from += chunk) {
      const n = Math.min(chunk, places.size(0) - from);
      const [logprobs, entropies] = checkpoint(
        (x, ids) => {
          const logits = model.logits(x);
          const all = logits.logSoftmax(-1, logits.dtype === 'float64' ? 'float64' : 'float32'); // [n, V]
          const entropies = noGrad(() => all.exp().mul(all).sum([-1]).neg());
          return [all.gather(-1, ids).squeeze(-1), entropies] as const;
        },
        rows.narrow(0, from, n),
        wanted.narrow(0, from, n).unsqueeze(-1),
      );
      parts.push({ logprobs, entropies });
    }
    return {
      logprobs: cat(parts.map((part) => part.logprobs)),
      entropies: cat(parts.map((part) => part.entropies)),
      places,
    };
  });
}
