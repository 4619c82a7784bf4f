// One pass of the model over a text of its own `Cache`.
import { noGrad, scope, tensor } from '../../torch/index.ts';
import type { Cache } from '../cache.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';

/** Logits [V] of the token after `ids`, which are added to the cache of one sequence. */
export function nextLogits(model: LanguageModel, ids: readonly number[], cache: Cache): Logits {
  return scope(() =>
    noGrad(() => {
      const input = tensor(BigInt64Array.from(ids, BigInt), { shape: [1, ids.length], device: model.parameterDevice });
      const hidden = model.forward(input, { cache }).narrow(1, ids.length - 1, 1);
      const logits = model.logits(hidden);
      return (logits.dtype === 'float64' ? logits : logits.float()).data() as Logits;
    }),
  );
}
