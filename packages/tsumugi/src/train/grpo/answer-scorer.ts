// What gives answers their rewards: a rule, a task's own score, a reward model, a judge. Training knows nothing else of it.
import type { Message } from '../../text/index.ts';

export interface AnswerToScore {
  /** What was asked: a text, or messages. */
  readonly prompt: string | readonly Message[];
  /** Without the tokens that end it. */
  readonly answer: string;
  /** The row that the prompt is from. */
  readonly row: Readonly<Record<string, unknown>>;
}

export interface AnswerScorer {
  /** For people: "number", "reward model judge/model". */
  readonly name: string;
  /** Tells it from every scorer that may give another score: a run goes on with the same one only. */
  readonly hash: string;
  /** Columns of Parquet files that it needs, besides what is asked and `answer`. */
  readonly columns?: readonly string[] | undefined;
  /** Before anything is sampled. @throws DataError naming the field, for a row that it cannot score answers to */
  check?(row: AnswerToScore['row']): void;
  /** One number for each, higher is better; they must all be finite. */
  score(items: readonly AnswerToScore[]): Promise<number[]> | number[];
}
