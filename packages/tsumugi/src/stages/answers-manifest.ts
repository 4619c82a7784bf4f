// What is kept of the answers of one model, and the check of its shape on reading.
import { z } from 'zod';
import type { Prompt } from '../eval/index.ts';

/** What is asked, and what should be answered. */
export interface Question {
  readonly prompt: Prompt;
  readonly answer: string;
}

/** In the order of the questions. */
export const modelAnswersSchema = z.strictObject({
  model: z.string(),
  answers: z.array(z.strictObject({ answer: z.string(), right: z.boolean() })),
});

export type ModelAnswers = z.output<typeof modelAnswersSchema>;
