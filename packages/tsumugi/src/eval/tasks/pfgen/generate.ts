// Asking a model: every question in every trial, those without an answer again.
import { DataError } from '../../../base/index.ts';
import type { GenerateAnswer, GenerateRequest } from '../../request.ts';
import { cleanAnswer, type PromptOptions, promptOf, samplingSeed } from './prompt.ts';
import type { ReferenceAnswer } from './questions.ts';

/** The benchmark's standard settings. */
export const TEMPERATURE = 1;
export const TOP_P = 0.98;
export const MAX_TOKENS = 300;
export const TRIALS = 10;
export const EXAMPLES = 20;

/** How often a question is asked until the run fails. */
const ROUNDS = 10;

/** The texts that end an answer. The end of text of the model itself is up to whoever answers. */
export function stopsOf({ mode }: Pick<PromptOptions, 'mode'>): string[] {
  return mode === 'completion' ? ['Q:', '\n\n'] : ['Q:'];
}

/** One question in one trial. */
export interface Asked {
  /** From 1. */
  trial: number;
  reference: ReferenceAnswer;
}

export interface Generated extends Asked {
  answer: string;
  /** What was asked in the round that gave the answer, and what was written before the clean-up. */
  request: GenerateRequest;
  written: GenerateAnswer;
}

/** Every question of the first trial in the benchmark's order, then of the second, … */
export function plan(references: readonly ReferenceAnswer[], trials: number): Asked[] {
  return Array.from({ length: trials }, (_, i) => references.map((reference) => ({ trial: i + 1, reference }))).flat();
}

/** Asks the model; `ids` name the questions. */
export type Ask = (requests: readonly GenerateRequest[], ids: readonly string[]) => Promise<GenerateAnswer[]>;

/** The request for a question in its n-th round (from 1). */
export function requestOf(
  { trial, reference }: Asked,
  references: readonly ReferenceAnswer[],
  round: number,
  options: PromptOptions,
): GenerateRequest {
  return {
    kind: 'generate',
    prompt: promptOf(reference, references, trial, options),
    maxTokens: MAX_TOKENS,
    stop: stopsOf(options),
    temperature: TEMPERATURE,
    topP: TOP_P,
    seed: samplingSeed(options.seed, trial, round),
  };
}

/**
 * Asks what is planned. An empty answer is asked again with another seed; one that is refused counts as empty.
 *
 * @param references all of them: the examples are drawn from the others
 * @throws DataError when a question has no answer after ten rounds
 */
export async function generateAnswers(
  planned: readonly Asked[],
  references: readonly ReferenceAnswer[],
  options: PromptOptions,
  ask: Ask,
): Promise<Generated[]> {
  const generated = new Map<Asked, Generated>();
  let open = planned;
  for (let round = 1; round <= ROUNDS && open.length > 0; round++) {
    const requests = open.map((asked) => requestOf(asked, references, round, options));
    const answers = await ask(
      requests,
      open.map(({ trial, reference }) => `${trial}/${reference.question}`),
    );
    open.forEach((asked, i) => {
      const answer = cleanAnswer(answers[i]!.text, options.mode);
      // What a service refuses or filters has no answer, now or later.
      const refused = answers[i]!.finish === 'refused' || (answers[i]!.finish === 'filter' && round === ROUNDS);
      if (answer !== '' || refused)
        generated.set(asked, { ...asked, answer, request: requests[i]!, written: answers[i]! });
    });
    open = open.filter((asked) => !generated.has(asked));
  }
  if (open.length > 0) {
    const { trial, reference } = open[0]!;
    throw new DataError(
      'no-answer',
      `the model gave ${ROUNDS} empty answers to "${reference.question}" in trial ${trial}` +
        (open.length > 1 ? ` (and to ${open.length - 1} more)` : ''),
      {
        remedy: 'The benchmark fails such a model. Another task with --json --records shows what it writes.',
        fields: { question: reference.question, trial, open: open.length },
      },
    );
  }
  return planned.map((asked) => generated.get(asked)!);
}
