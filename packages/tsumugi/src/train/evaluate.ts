// Held-out measurement: bits per character, which does not depend on the tokenizer.
import type { LanguageModel } from '../lm/index.ts';
import { bitsPerCharacter, EvaluationBatches, type TokenShards } from '../text/index.ts';
import { type DType, noGrad, scope } from '../torch/index.ts';
import { toTensors } from './batches.ts';

export interface Evaluation {
  bitsPerCharacter: number;
  /** Mean −ln p of a predicted token. */
  crossEntropy: number;
  perplexity: number;
  predicted: number;
  characters: number;
}

/** Measures the model on the held-out documents (the first `maxTokens` of them). */
export function evaluateHeldOut(
  model: LanguageModel,
  shards: TokenShards,
  options: { contextLength: number; batchSize: number; maxTokens?: number; dtype?: DType },
): Evaluation {
  const { dtype, ...packing } = options;
  const batches = new EvaluationBatches(shards, packing);
  let nats = 0;
  for (const batch of batches) {
    scope(() =>
      noGrad(() => {
        const parts = model.loss(toTensors(batch, model.parameterDevice), {
          reduction: 'sum',
          ...(dtype && { dtype }),
        });
        nats += parts.crossEntropy.item();
      }),
    );
  }
  const crossEntropy = nats / batches.predicted;
  return {
    bitsPerCharacter: bitsPerCharacter(nats, batches.characters),
    crossEntropy,
    perplexity: Math.exp(crossEntropy),
    predicted: batches.predicted,
    characters: batches.characters,
  };
}
