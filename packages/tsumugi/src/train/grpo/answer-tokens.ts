// Log-probabilities of each token of sampled answers, under the model that is trained or the one it is compared with.
import { type LanguageModel, type LossOptions, targetLogprobs } from '../../lm/index.ts';
import type { Pause } from '../../loop/index.ts';
import { type DType, noGrad, scope } from '../../torch/index.ts';
import { toTensors } from '../batches.ts';
import type { PromptToLearn } from './prompt-data.ts';
import { type AnswerBatch, answerBatches, perAnswer, type RowOptions } from './rollout-batches.ts';
import type { Rollout } from './rollout-state.ts';

export function answerTokens(
  model: LanguageModel,
  { batch }: AnswerBatch,
  options: Pick<LossOptions, 'dtype' | 'activationCheckpointing' | 'onPart'>,
) {
  const { ids, targets, documents } = toTensors(batch, model.parameterDevice);
  return targetLogprobs(model, model.forward(ids, { ...options, documents }), targets);
}

/** Writes into the answers of a rollout what the reference says of their tokens. */
export async function askReference(
  reference: LanguageModel,
  rollout: Rollout,
  prompts: readonly PromptToLearn[],
  rows: RowOptions,
  { dtype, pause }: { dtype: DType | undefined; pause: Pause },
): Promise<void> {
  for (const batch of answerBatches(rollout, prompts, rows)) {
    await pause();
    scope(() =>
      noGrad(() => {
        const { logprobs, places } = answerTokens(reference, batch, { dtype });
        const found = perAnswer(batch, places, logprobs);
        for (const [i, answer] of batch.answers.entries()) answer.reference = found[i]!;
      }),
    );
  }
}
