// What a run of training remembers in its checkpoints beside weights and optimizer: how the model did before it learned.
import { z } from 'zod';

export const evaluationState = z.strictObject({
  bitsPerCharacter: z.number(),
  crossEntropy: z.number(),
  perplexity: z.number(),
  predicted: z.number(),
  characters: z.number(),
});

export const distillEvaluationState = evaluationState.extend({ kl: z.number().optional() });

export const exampleEvaluationState = z.strictObject({
  crossEntropy: z.number(),
  perplexity: z.number(),
  accuracy: z.number(),
  predicted: z.number(),
});

export const rewardEvaluationState = z.strictObject({
  loss: z.number(),
  accuracy: z.number(),
  margin: z.number(),
  chosenReward: z.number(),
  rejectedReward: z.number(),
  count: z.number(),
});

export const preferenceEvaluationState = rewardEvaluationState.extend({
  chosenLogprob: z.number(),
  rejectedLogprob: z.number(),
  entropy: z.number(),
  kl: z.number().optional(),
  mismatchedKl: z.number().optional(),
});

export const policyEvaluationState = z.strictObject({
  reward: z.number(),
  greedyReward: z.number(),
  answerTokens: z.number(),
  finished: z.number(),
  prompts: z.number(),
});

/** What a kind of training remembers besides. */
export interface KeptState {
  readonly schema: z.ZodType;
  /** Once `step` steps are done. */
  of(step: number): object;
  /** Of a checkpoint, as the schema says. */
  put(known: never): void;
}

/** What a measurement of a kind of training finds. */
export type EvaluationState<E> = z.ZodType<E>;

export const rememberedState = <E>(evaluation: EvaluationState<E>, kept?: KeptState) =>
  z.strictObject({ before: evaluation, kept: kept ? kept.schema : z.undefined().optional() });
