// The log-probability of each token of a text after those before it, with the likeliest ones beside it, read piece by piece between
// other work: what `echo` with `logprobs` tells of a prompt.
import { checkCount, checkOptions, type Steps } from '../base/index.ts';
import { type Device, noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { Cache } from './cache.ts';
import { checkIds } from './check-ids.ts';
import type { TokenLogprobs } from './engine/logprobs.ts';
import { idsRow } from './ids-row.ts';
import { notFinite } from './not-finite.ts';
import type { LanguageModel } from './types.ts';
import { logitRows, wideLogits } from './wide-logits.ts';

/**
 * Of ids[1], ids[2], …: the first has nothing before it. The text is read by itself, in pieces of `chunk` tokens with a step after each. `top` likeliest tokens are told of beside each.
 *
 * @throws DataError for ids outside the vocabulary; UserError, naming the weight or the layer, when a log-probability is not finite
 */
export function* promptLogprobs(
  model: LanguageModel,
  ids: readonly number[],
  options: { top?: number; chunk?: number } = {},
): Steps<TokenLogprobs[]> {
  checkOptions('promptLogprobs', options, { top: true, chunk: true });
  checkCount('top', options.top, 0);
  checkCount('chunk', options.chunk, 1);
  const { top = 0, chunk = 256 } = options;
  checkIds(ids, model.config);
  const tokens: TokenLogprobs[] = [];
  using cache = new Cache(model);
  for (let from = 0; from < ids.length; from += chunk) {
    const to = Math.min(from + chunk, ids.length);
    // The last token of all is followed by nothing that is given.
    const told = Math.min(to, ids.length - 1) - from;
    scope(() =>
      noGrad(() => {
        const hidden = model.forward(idsRow(ids.slice(from, to), model.parameterDevice), { cache });
        const rows = logitRows(model);
        for (let k = 0; k < told; k += rows) {
          const count = Math.min(rows, told - k);
          const wanted = ids.slice(from + k + 1, from + k + 1 + count);
          tokens.push(...scope(() => logprobsOf(model, hidden.narrow(1, k, count), wanted, top)));
        }
      }),
    );
    const odd = tokens.findIndex(({ logprob }, i) => i >= from && !Number.isFinite(logprob));
    if (odd >= 0)
      throw notFinite(
        model,
        `the log-probability of id ${ids[odd + 1]} at position ${odd + 1} is ${tokens[odd]!.logprob}`,
        {
          ids,
        },
      );
    if (to < ids.length) yield;
  }
  return tokens;
}

/** From hidden states [1, n, D] to what is told of the n tokens that follow them. */
function logprobsOf(model: LanguageModel, hidden: Tensor, wanted: readonly number[], top: number): TokenLogprobs[] {
  const logits = wideLogits(model, hidden).squeeze(0); // [n, V]
  const total = logits.logsumexp([-1], true); // [n, 1]
  const chosen = logits.gather(-1, column(wanted, logits.device)).sub(total).flatten().data();
  if (top === 0) return wanted.map((_, i) => ({ logprob: Number(chosen[i]), top: [] }));
  const [values, places] = logits.topk(Math.min(top, logits.size(1)), -1);
  const likeliest = values.sub(total).tolist() as number[][];
  const own = places.tolist() as (number | bigint)[][];
  return wanted.map((_, i) => ({
    logprob: Number(chosen[i]),
    top: likeliest[i]!.map((logprob, k) => ({ id: Number(own[i]![k]), logprob })),
  }));
}

const column = (ids: readonly number[], device: Device): Tensor =>
  tensor(BigInt64Array.from(ids, BigInt), { shape: [ids.length, 1], device });
