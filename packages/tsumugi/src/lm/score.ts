// Log-probabilities of given tokens under a model.
import { checkCount, checkOptions, DataError } from '../base/index.ts';
import type { DType } from '../torch/index.ts';
import { noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { checkIds } from './check-ids.ts';
import { idsRow } from './ids-row.ts';
import { notFinite, type Reading } from './not-finite.ts';
import type { LanguageModel } from './types.ts';
import { wideLogits } from './wide-logits.ts';

/**
 * The natural-log probability of each next token: n ids give n − 1 numbers, of the precision that the
 * model computes in. With `documents` (one index per id) the documents of a pack are scored without seeing each other.
 *
 * @throws DataError for ids outside the vocabulary, or documents of another length; UserError, naming the weight or the
 *   layer, when a log-probability is not finite
 */
export function tokenLogprobs(
  model: LanguageModel,
  ids: readonly number[],
  options: { documents?: readonly number[] | undefined; dtype?: DType | undefined; chunk?: number } = {},
): Float64Array {
  checkOptions('tokenLogprobs', options, { documents: true, dtype: true, chunk: true });
  checkCount('chunk', options.chunk, 1);
  const { documents, dtype, chunk = 1024 } = options;
  checkIds(ids, model.config);
  if (documents && documents.length !== ids.length)
    throw new DataError('bad-documents', `${documents.length} document indices came with ${ids.length} ids`, {
      remedy: 'Give one document index per id.',
    });
  const odd = documents?.findIndex((document) => document !== (document | 0)) ?? -1;
  if (odd >= 0)
    throw new DataError('bad-documents', `document index ${documents![odd]} at position ${odd} is no 32-bit integer`, {
      remedy: 'Count the documents from 0.',
    });
  const logprobs = new Float64Array(Math.max(0, ids.length - 1));
  if (logprobs.length === 0) return logprobs;
  return scope(() =>
    noGrad(() => {
      const device = model.parameterDevice;
      const input = idsRow(ids, device);
      const hidden = model.forward(input, {
        ...(documents && { documents: tensor(Int32Array.from(documents), { shape: [1, ids.length], device }) }),
        ...(dtype && { dtype }),
      });
      for (let start = 0; start < logprobs.length; start += chunk) {
        const length = Math.min(chunk, logprobs.length - start);
        const part = scope(() => nextLogprobs(model, hidden, input, start, length));
        logprobs.set(part.data() as Float32Array | Float64Array, start);
        part.dispose();
        checkLogprobs(model, logprobs.subarray(start, start + length), start, { ids, documents, dtype });
      }
      return logprobs;
    }),
  );
}

/** log p(ids[start + 1 + i]) for i < length, from hidden states [1, T, D]. */
function nextLogprobs(model: LanguageModel, hidden: Tensor, ids: Tensor, start: number, length: number): Tensor {
  const logits = wideLogits(model, hidden.narrow(1, start, length)); // [1, length, V]
  const targets = ids.narrow(1, start + 1, length).unsqueeze(-1); // [1, length, 1]
  const chosen = logits.gather(-1, targets).squeeze(-1); // [1, length]
  return chosen.sub(logits.logsumexp([-1])).flatten();
}

/** @throws UserError naming the first of the values that is not finite; `start` is the position of the first */
function checkLogprobs(model: LanguageModel, values: Float64Array, start: number, reading: Reading): void {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  const position = start + wrong + 1;
  throw notFinite(
    model,
    `the log-probability of id ${reading.ids[position]} at position ${position} is ${values[wrong]}`,
    reading,
  );
}
