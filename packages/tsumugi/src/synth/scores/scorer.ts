// What an answer is worth. A scorer is a rule, a task's own score, a judge or a reward model; whoever samples asks nothing else of it.
import { DataError } from '../../base/index.ts';
import type { Prompt } from '../../eval/index.ts';

export type ScoredRow = Readonly<Record<string, unknown>>;

export interface ScoreItem {
  /** What was asked: a text, or messages. */
  readonly prompt: Prompt;
  readonly answer: string;
  /** The row that the prompt is from, with whatever a rule needs of it. */
  readonly row: ScoredRow;
}

export interface Scorer {
  /** For reports: "number", "judge gpt-x at https://…". */
  readonly name: string;
  /** Tells it from every scorer that may give another score. */
  readonly hash: string;
  /** The score of a right answer, where an answer is right or wrong: then pass@k can be counted. */
  readonly right?: number | undefined;
  /** Before anything is sampled. @throws DataError naming the field, for a row that it cannot score answers to */
  check?(row: ScoredRow): void;
  /** Higher is better. NaN where there is no score to be had. */
  score(items: readonly ScoreItem[]): Promise<number[]>;
}

/** What a row has in a field, as texts: one right answer, or several. @throws DataError naming the field */
export function referencesOf(row: ScoredRow, field: string): string[] {
  const value = row[field];
  const all = Array.isArray(value) ? value : [value];
  const texts = all.map((each) =>
    typeof each === 'number' || typeof each === 'bigint' || typeof each === 'string' ? String(each) : undefined,
  );
  if (all.length > 0 && texts.every((text): text is string => text !== undefined && text.trim() !== '')) return texts;
  const is = value === undefined || value === null ? 'is not there' : `is ${JSON.stringify(value)?.slice(0, 40)}`;
  throw new DataError('no-reference', `${field} should be a text, a number or a list of them but ${is}`, {
    remedy: 'Write the right answer there, or name the field that has it.',
    fields: { field },
  });
}
