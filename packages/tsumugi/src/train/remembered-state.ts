// What a run of training remembers in its checkpoints beside weights and optimizer: how the model did before it learned.
import { z } from 'zod';

export const evaluationState = z.strictObject({
  bitsPerCharacter: z.number(),
  crossEntropy: z.number(),
  perplexity: z.number(),
  predicted: z.number(),
  characters: z.number(),
});

/** @param evaluation what a measurement of this kind of training finds */
export const rememberedState = <E>(evaluation: z.ZodType<E>) => z.strictObject({ before: evaluation });
