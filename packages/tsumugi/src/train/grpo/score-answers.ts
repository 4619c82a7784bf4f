// Rewards of a group of answers. A scorer is code of others: what it does wrong is told with the row it did it at.
import { UserError } from '../../base/index.ts';
import type { AnswerScorer } from './answer-scorer.ts';
import type { PromptToLearn } from './prompt-data.ts';

/** @throws UserError naming the row when the scorer throws, or gives something that is no finite number */
export async function scoreAnswers(
  scorer: AnswerScorer,
  { prompt, row, source }: PromptToLearn,
  answers: readonly string[],
): Promise<number[]> {
  const place = `${source.file}, row ${source.row}`;
  const refuse = (what: string, remedy: string, cause?: unknown) =>
    new UserError('bad-reward', `${place}: the scorer "${scorer.name}" ${what}`, {
      remedy,
      fields: { ...source, scorer: scorer.name },
      ...(cause !== undefined && { cause }),
    });
  let rewards: unknown;
  try {
    rewards = await scorer.score(answers.map((answer) => ({ prompt, answer, row })));
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split('\n  → ')[0]! : String(cause);
    throw refuse(`failed: ${said}`, 'Correct the scorer or the row, and go on with --resume.', cause);
  }
  if (!Array.isArray(rewards) || rewards.length !== answers.length)
    throw refuse(
      `gave ${Array.isArray(rewards) ? `${rewards.length} rewards` : typeof rewards} for ${answers.length} answers`,
      'It must give one number for each.',
    );
  const bad = rewards.findIndex((reward) => typeof reward !== 'number' || !Number.isFinite(reward));
  if (bad < 0) return rewards as number[];
  throw refuse(
    `gave ${String(rewards[bad])} to the answer ${JSON.stringify(answers[bad]!.slice(0, 40))}`,
    'A reward must be a finite number: have it give another one there, such as 0.',
  );
}
