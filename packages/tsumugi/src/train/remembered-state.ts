// What a run on tokens remembers in its checkpoints beside weights and optimizer: how the model did before it learned.
import { z } from 'zod';

export const rememberedState = z.strictObject({
  before: z.strictObject({
    bitsPerCharacter: z.number(),
    crossEntropy: z.number(),
    perplexity: z.number(),
    predicted: z.number(),
    characters: z.number(),
  }),
});
