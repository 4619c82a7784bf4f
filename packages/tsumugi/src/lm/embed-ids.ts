// A text as a vector: the mean of its tokens' hidden states after the last norm, of length 1. A model that was trained to predict
// tokens says with it what its texts are about; it was not trained for that, as embedding models are.
import { checkCount, checkOptions, DataError, type Steps } from '../base/index.ts';
import { noGrad, scope, type Tensor } from '../torch/index.ts';
import { Cache } from './cache.ts';
import { checkIds } from './check-ids.ts';
import { idsRow } from './ids-row.ts';
import { notFinite } from './not-finite.ts';
import type { LanguageModel } from './types.ts';

/**
 * The vector [D] of a text, read by itself in pieces of `chunk` tokens with a step after each: it does not depend on what is read
 * or written beside it, to the last bit.
 *
 * @throws DataError for no ids, or ids outside the vocabulary; UserError, naming the weight or the layer, when it is not finite
 */
export function* embedIds(
  model: LanguageModel,
  ids: readonly number[],
  options: { chunk?: number } = {},
): Steps<Float64Array> {
  checkOptions('embedIds', options, { chunk: true });
  checkCount('chunk', options.chunk, 1);
  const { chunk = 256 } = options;
  if (ids.length === 0) throw new DataError('empty-prompt', 'a text without tokens has no vector');
  checkIds(ids, model.config);
  const sum = new Float64Array(model.config.hidden_size);
  using cache = new Cache(model);
  for (let from = 0; from < ids.length; from += chunk) {
    addHidden(sum, model, ids.slice(from, from + chunk), cache);
    if (from + chunk < ids.length) yield;
  }
  const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0));
  if (!Number.isFinite(length)) throw notFinite(model, 'the hidden states are not finite', { ids });
  // The mean and the sum point the same way.
  return length === 0 ? sum : sum.map((value) => value / length);
}

function addHidden(sum: Float64Array, model: LanguageModel, ids: readonly number[], cache: Cache): void {
  const hidden = scope(() => noGrad(() => rowSum(model.forward(idsRow(ids, model.parameterDevice), { cache })).data()));
  for (const [i, value] of (hidden as Float64Array).entries()) sum[i]! += value;
}

/** [1, T, D] → [D] in float64: what is added up is not rounded on the way. */
const rowSum = (hidden: Tensor): Tensor => hidden.double().sum([0, 1]).cpu();
