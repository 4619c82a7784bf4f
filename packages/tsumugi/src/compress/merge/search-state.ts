// What a search keeps of a candidate that was scored.
import { z } from 'zod';

export const scoredCandidate = z.strictObject({
  set: z.array(z.string()),
  scores: z.array(z.strictObject({ name: z.string(), value: z.number(), lowerIsBetter: z.boolean() })).min(1),
});
