// One pass of the model that gives the logits of next tokens.
import { noGrad, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { BatchCache } from '../batch-cache.ts';
import type { Cache } from '../cache.ts';
import type { Logits } from '../sampling.ts';
import type { LanguageModel } from '../types.ts';

/** Logits [V] of the token after `ids`, which are added to the cache of one sequence. */
export function nextLogits(model: LanguageModel, ids: readonly number[], cache: Cache): Logits {
  return pass(model, ids, [1, ids.length], cache, (hidden) => hidden.narrow(1, ids.length - 1, 1));
}

/** Logits [B, V], row after row, of the tokens after one more id of each sequence of a batch. */
export function nextLogitsOfBatch(model: LanguageModel, ids: readonly number[], cache: BatchCache): Logits {
  return pass(model, ids, [ids.length, 1], cache, (hidden) => hidden);
}

function pass(
  model: LanguageModel,
  ids: readonly number[],
  shape: [number, number],
  cache: Cache | BatchCache,
  wanted: (hidden: Tensor) => Tensor,
): Logits {
  return scope(() =>
    noGrad(() => {
      const input = tensor(BigInt64Array.from(ids, BigInt), { shape, device: model.parameterDevice });
      const logits = model.logits(wanted(model.forward(input, { cache })));
      return (logits.dtype === 'float64' ? logits : logits.float()).data() as Logits;
    }),
  );
}
