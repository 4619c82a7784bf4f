// Log-probabilities of whole answers under a model: sums over their tokens, with a gradient.
import { type LanguageModel, type LossOptions, placeDropout, targetLogprobs } from '../../lm/index.ts';
import type { ExampleBatch } from '../../text/index.ts';
import { scope, type Tensor, tensor, zeros } from '../../torch/index.ts';
import { toTensors } from '../batches.ts';

/** Of the S answers of a batch, in their order. */
export interface AnswerLogprobs {
  /** log π(y|x), the sum over the answer's tokens: [S] */
  logprobs: Tensor;
  /** Tokens of each answer: [S] */
  tokens: Tensor;
  /** Entropy of the model's distribution, in nats, the mean over all tokens of the answers: [], without gradient. */
  entropy: Tensor;
}

export function answerLogprobs(
  model: LanguageModel,
  batch: ExampleBatch,
  options: Pick<LossOptions, 'dtype' | 'activationCheckpointing' | 'onPart'> = {},
): AnswerLogprobs {
  const device = model.parameterDevice;
  placeDropout(model, batch);
  // In the caller's scope: layers that are computed again in the backward pass read them then.
  const { ids, targets, documents } = toTensors(batch, device);
  return scope(() => {
    const hidden = model.forward(ids, { ...options, documents });
    const found = targetLogprobs(model, hidden, targets);
    const { owners, tokens } = ownersOf(batch);
    const answers = tensor(owners, { dtype: 'int64', device }).indexSelect(0, found.places);
    const sums = zeros([tokens.length], { dtype: found.logprobs.dtype, device });
    return {
      logprobs: sums.indexAdd_(0, answers, found.logprobs),
      tokens: tensor(tokens, { dtype: found.logprobs.dtype, device }),
      entropy: found.entropies.mean(),
    };
  });
}

/** Which answer each place of the rows is of (0 where nothing is predicted), and how many tokens each has. */
function ownersOf({ rows, columns, placed }: ExampleBatch): { owners: Int32Array; tokens: number[] } {
  const owners = new Int32Array(rows * columns);
  const tokens = new Array<number>(placed.length).fill(0);
  for (const { example, position, row, column } of placed) {
    const first = row * columns + column;
    owners.fill(position, first, first + example.ids.length);
    tokens[position] = example.learned.reduce((sum, learned, i) => sum + (i > 0 ? learned : 0), 0);
  }
  return { owners, tokens };
}
