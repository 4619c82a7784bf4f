// Multiple choice by log-probability: which choice does the model find likeliest after the prompt? Longer choices have lower
// probabilities, so there are several ways to make them comparable; each gives an accuracy of its own.
//
//   s(c) = log p(c | prompt), summed over the tokens of c
//
//   acc            s(c)                          no normalisation
//   acc_norm       s(c) / characters of c        lm-evaluation-harness, `acc_norm` of its multiple_choice tasks
//   acc_bytes      s(c) / UTF-8 bytes of c       lm-evaluation-harness, `acc_bytes`
//   acc_tokens     s(c) / tokens of c            GPT-3's default: arXiv 2005.14165, section 2.4
//   acc_pmi        s(c) − log p(c | neutral)     GPT-3's other one, same section: p(c | prompt) / p(c | "Answer: "); our
//                                                neutral prompt is 答え： (lm-evaluation-harness's `acc_mutual_info` has none)
//
// Ties go to the first choice.
import { UserError } from '../base/index.ts';
import type { ChoicesAnswer } from './request.ts';

/** What unconditional probabilities are taken after. */
export const NEUTRAL_PROMPT = '答え：';

export const choiceMetrics = ['acc', 'acc_norm', 'acc_bytes', 'acc_tokens', 'acc_pmi'] as const;
export type ChoiceMetric = (typeof choiceMetrics)[number];

/** @throws UserError for an answer that is not about these choices */
export function checkChoices(task: string, choices: readonly string[], answer: ChoicesAnswer): void {
  const { logprobs, tokens } = answer ?? {};
  if (logprobs?.length === choices.length && tokens?.length === choices.length) return;
  throw new UserError('bad-answer', `${task}: score takes "logprobs" and "tokens" of ${choices.length} choices each`, {
    remedy: 'Give { logprobs, tokens }, in the order of `task.choices(sample)`.',
    fields: { task, choices, answer },
  });
}

/** Each choice's score by each normalisation; `acc_pmi` only with the answer to the neutral prompt. */
export function choiceScores(
  choices: readonly string[],
  { logprobs, tokens }: ChoicesAnswer,
  unconditional?: ChoicesAnswer,
): Partial<Record<ChoiceMetric, number[]>> {
  const over = (length: (choice: string, index: number) => number) =>
    choices.map((choice, i) => logprobs[i]! / length(choice, i));
  return {
    acc: [...logprobs],
    acc_norm: over((choice) => [...choice].length),
    acc_bytes: over((choice) => Buffer.byteLength(choice)),
    acc_tokens: over((_choice, i) => tokens[i]!),
    ...(unconditional && { acc_pmi: logprobs.map((logprob, i) => logprob - unconditional.logprobs[i]!) }),
  };
}

/** The index of the highest score; the first of equals. @throws UserError where a score is no finite number: nothing ranks it */
export function bestChoice(scores: readonly number[]): number {
  const odd = scores.findIndex((score) => !Number.isFinite(score));
  if (odd >= 0 || scores.length === 0)
    throw new UserError(
      'not-finite',
      `choices cannot be ranked: ${odd < 0 ? 'there are none' : `number ${odd} has the score ${scores[odd]}`}`,
      {
        remedy: 'Check the log-probabilities, and that no choice is an empty text.',
        fields: { scores },
      },
    );
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
}

/** 1 where a normalisation picks `target`, 0 where not; and the pick without normalisation. */
export function judgeChoice(
  choices: readonly string[],
  target: number,
  answer: ChoicesAnswer,
  unconditional?: ChoicesAnswer,
): { metrics: Partial<Record<ChoiceMetric, number>>; picked: number } {
  const scores = choiceScores(choices, answer, unconditional);
  const metrics = Object.fromEntries(
    Object.entries(scores).map(([name, values]) => [name, bestChoice(values) === target ? 1 : 0]),
  );
  return { metrics, picked: bestChoice(answer.logprobs) };
}
