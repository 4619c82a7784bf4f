// Sampled answers that several updates learn from: what a checkpoint between them must remember.
import { z } from 'zod';

const logprobs = z.array(z.number());

export const answerState = z.strictObject({
  /** Which prompt it answers, among those that are learned from. */
  prompt: z.int().nonnegative(),
  /** Its tokens, the one that ended it included. */
  ids: z.array(z.int().nonnegative()),
  finished: z.boolean(),
  reward: z.number(),
  advantage: z.number(),
  /** ln p of its tokens: when they were sampled, of the policy that sampled them as it is trained, of the reference. */
  sampled: logprobs,
  old: logprobs.optional(),
  reference: logprobs.optional(),
});

export const rolloutState = z.strictObject({
  index: z.int().nonnegative(),
  answers: z.array(answerState),
  /** What the log is told of it. */
  metrics: z.record(z.string(), z.number()),
});

export const grpoState = z.strictObject({
  /** Tokens that have gone through updates. */
  tokens: z.number(),
  /** Rollouts in a row in which no group had a signal, up to now. */
  silent: z.int().nonnegative(),
  /** Of an update that is not the first of its rollout. */
  rollout: rolloutState.optional(),
});

export type SampledAnswerState = z.output<typeof answerState>;
export type Rollout = z.output<typeof rolloutState>;
export type GrpoState = z.output<typeof grpoState>;
