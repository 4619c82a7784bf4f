// Logits for log-probabilities: in float32 at least, and of so many tokens at a time that they stay small.
import type { Tensor } from '../torch/index.ts';
import type { LanguageModel } from './types.ts';

/** Logits take this much memory at most. */
const LOGIT_BYTES = 64 << 20;

/** Tokens whose logits are computed at a time. */
export const logitRows = ({ config }: LanguageModel): number =>
  Math.max(1, Math.floor(LOGIT_BYTES / (4 * config.vocab_size)));

/** From hidden states [..., D] to logits [..., V] of float32, or float64 where the model has it. */
export function wideLogits(model: LanguageModel, hidden: Tensor): Tensor {
  const logits = model.logits(hidden);
  return logits.dtype === 'float64' ? logits : logits.float();
}
