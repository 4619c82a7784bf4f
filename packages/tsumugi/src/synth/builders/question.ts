// What a builder makes of data, before it is a row for training: a question, its answer, and answers that are worse.
import type { ExampleSource, Message } from '../../text/index.ts';

export interface Question {
  /** Messages, or a text to go on from. */
  readonly asked: readonly Message[] | string;
  readonly answer: string;
  /** Worse answers, the one that a pair takes first. */
  readonly worse: readonly string[];
  /** What is held out as one: a document, a package. */
  readonly group: string;
  /** What rows to learn from may not have in common with those held out. */
  readonly sentences: readonly string[];
  readonly source: ExampleSource;
}

/** Something that became no question, and why: a few words that are the same for all of a kind. */
export interface Dropped {
  readonly dropped: string;
}

export const dropped = (why: string): Dropped => ({ dropped: why });

export interface BuilderContext {
  readonly seed: number;
  /**
   * How it is asked. `chat`: as people ask, in Japanese; translations by their languages, for the template `plamo-translate`.
   * `task`: exactly as the evaluation task of the same kind asks.
   */
  readonly form: 'chat' | 'task';
  isHeldOut(group: string): boolean;
}

/** Data of one kind → questions, in the order of the data. */
export interface Builder<Input = unknown> {
  readonly name: string;
  readonly summary: string;
  /** The kind of data that it is made from. */
  readonly reads: InputKind;
  /** Whether an evaluation task asks the same (the form `task`). */
  readonly task: boolean;
  /** What rows it makes: answers to learn, pairs. */
  readonly rows: readonly RowKind[];
  build(inputs: AsyncIterable<Input>, context: BuilderContext): AsyncIterable<Question | Dropped>;
}

/** `answers` for fine-tuning, `pairs` for preference training. */
export type RowKind = 'answers' | 'pairs';
export type InputKind = 'text' | 'translations' | 'descriptions';

export const user = (content: string): Message[] => [{ role: 'user', content }];
