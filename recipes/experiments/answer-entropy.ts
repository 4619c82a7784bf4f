// Estimates of a model's entropy from answers that it wrote at some temperature.
import type { LanguageModel } from 'tsumugi/lm';
import { noGrad, scope, tensor } from 'tsumugi/torch';

export interface AnswerEntropy {
  /** The mean of −log π(y|x) over the answers, in nats: without bias for the entropy of answers, if these were drawn from π. */
  sequence: number;
  /** The mean over all their tokens of the entropy of the distribution that the token was drawn from, in nats. */
  token: number;
}

const rowsAtOnce = 128;

/** @param answers to each prompt, drawn token by token from the model at `temperature`, with the tokens that end them */
export function answerEntropy(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  answers: readonly (readonly (readonly number[])[])[],
  temperature: number,
): AnswerEntropy {
  const rows = prompts
    .flatMap((prompt, i) => answers[i]!.map((answer) => ({ from: prompt.length, ids: [...prompt, ...answer] })))
    .sort((a, b) => a.ids.length - b.ids.length);
  let [surprise, entropy, tokens] = [0, 0, 0];
  for (let first = 0; first < rows.length; first += rowsAtOnce) {
    const some = rows.slice(first, first + rowsAtOnce);
    const { logprobs, entropies, columns } = readRows(model, some, temperature);
    for (const [row, { from, ids }] of some.entries())
      for (let at = from; at < ids.length; at++) {
        const place = row * columns + at - 1; // the position before says what comes
        surprise -= logprobs[place]!;
        entropy += entropies[place]!;
        tokens++;
      }
  }
  return { sequence: surprise / rows.length, token: entropy / tokens };
}

/** What each position but the last says of the token after it. Rows are padded on the right, where no token sees the padding. */
function readRows(model: LanguageModel, rows: readonly { ids: readonly number[] }[], temperature: number) {
  const length = Math.max(...rows.map(({ ids }) => ids.length));
  const padded = new BigInt64Array(rows.length * length);
  for (const [row, { ids }] of rows.entries()) padded.set(ids.map(BigInt), row * length);
  return scope(() =>
    noGrad(() => {
      const ids = tensor(padded, { shape: [rows.length, length], device: model.parameterDevice });
      const logits = model.logits(model.forward(ids).narrow(1, 0, length - 1)).float(); // [rows, length − 1, V]
      const all = logits.div(temperature).logSoftmax(-1);
      return {
        logprobs: all
          .gather(-1, ids.narrow(1, 1, length - 1).unsqueeze(-1))
          .flatten()
          .data() as Float32Array,
        entropies: all.exp().mul(all).sum([-1]).neg().flatten().data() as Float32Array,
        columns: length - 1,
      };
    }),
  );
}
