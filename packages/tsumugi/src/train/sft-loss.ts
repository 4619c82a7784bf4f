// The loss of fine-tuning on examples: what is to be learned is predicted, with noise on the embeddings when that is asked for.
import { type LanguageModel, type Plamo2, placeDropout } from '../lm/index.ts';
import { answerLoss } from './answer-loss.ts';
import type { ExampleSteps } from './example-steps.ts';
import type { LossFunction } from './loss-function.ts';
import { neftuneNoise } from './neftune.ts';
import type { SftConfig } from './sft-config.ts';
import { rowsOf } from './step-gradients.ts';

/** @param own instead of cross-entropy; it is given the noise among its options */
export function sftLoss(
  steps: ExampleSteps,
  { neftune, seed }: Pick<SftConfig, 'neftune' | 'seed'>,
  own?: LossFunction,
): LossFunction {
  return (model, batch, options, step, first = 0) => {
    const { batch: whole } = steps.at(step);
    const [rows, columns] = [batch.ids.size(0), batch.ids.size(1)];
    const { hidden_size: width } = model.config;
    const placed = whole.placed.flatMap((each) =>
      each.row >= first && each.row < first + rows ? [{ ...each, row: each.row - first }] : [],
    );
    placeDropout(model, { rows, columns, placed });
    const noise = { alpha: neftune, width, seed, step, device: model.parameterDevice };
    const all =
      neftune > 0 ? { ...options, embeddingNoise: neftuneNoise({ ...whole, columns }, first, rows, noise) } : options;
    if (own) return own(model, batch, all, step, first);
    const { loss, crossEntropy, meanSquaredLogsumexp, count } = answerLoss(
      model as LanguageModel as Plamo2,
      batch,
      rowsOf(whole, first, rows).targets,
      all,
    );
    return {
      loss,
      shown: crossEntropy,
      sums: () => ({ meanSquaredLogsumexp: meanSquaredLogsumexp.item() * count.item() }),
    };
  };
}
