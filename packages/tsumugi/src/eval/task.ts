// What a task is. A task drives itself: it loads its samples, asks, and returns a record per sample; whoever runs it batches,
// caches and resumes the asking, and takes means and intervals over the records. Most tasks are made by `sampleTask`
// (sample-task.ts) from a source, a prompt, a target and a metric; the rest implement `run`.
import type { AnswerTo, GenerateRequest, Request } from './request.ts';

/** Files a task reads, in their original format, below the data folder. What may not be passed on is not in the repository. */
export interface DataSource {
  /** Relative to the data folder, e.g. "jglue/datasets/jnli-v1.3/valid-v1.3.json". */
  files: readonly string[];
  /** Where a person gets them, for the error about a missing file. */
  origin: string;
  licence: string;
}

/** What a task found for one sample. */
export interface SampleRecord {
  /** Unique inside the task: the data set's own id, or the row. */
  id: string;
  /** Per-sample figures by metric; means over the records are what is reported, unless the task has an `aggregate`. */
  metrics: Readonly<Record<string, number>>;
  /** Groups that are reported by themselves (subject, category, instruction id). */
  groups?: readonly string[] | undefined;
  /** What was asked, answered and expected: shown on request only. */
  prompt?: unknown;
  answer?: unknown;
  target?: unknown;
}

export interface TaskResult {
  records: SampleRecord[];
  /** Metrics that are no mean over records (a correlation, a corpus score): bootstrap resamples the records through it. */
  aggregate?: Readonly<Record<string, (records: readonly SampleRecord[]) => number>> | undefined;
  /** Settings that change the result: shots, decoding, normalisation, extra versions (a tokenizer's, a judge's). */
  settings: Readonly<Record<string, string | number | boolean>>;
  /** Identifies the wording: SHA-256 of the templates with their instructions, or of the prompts as they were asked. */
  promptHash: string;
  /** A table that is looked at rather than read (depth × length): rows of cells in 0 … 1. */
  grid?: Grid | undefined;
}

export interface Grid {
  title: string;
  xLabel: string;
  yLabel: string;
  x: readonly (string | number)[];
  y: readonly (string | number)[];
  /** values[row of y][column of x]; null where nothing was measured. */
  values: readonly (readonly (number | null)[])[];
  /** Samples behind each value. */
  counts?: readonly (readonly number[])[] | undefined;
  /** What the values are where they are no shares: their name, and which is coloured worst and which best. */
  scale?: { unit: string; worst: number; best: number } | undefined;
}

export interface TaskContext {
  /**
   * Answers from the model under test, in the order of the requests. Batched, cached, resumable.
   *
   * @param ids of the samples that the requests are for: errors name them
   */
  ask<R extends Request>(requests: readonly R[], ids?: readonly string[]): Promise<AnswerTo<R>[]>;
  /** The judge, where one was given (--judge): answers its own requests the same way. */
  judge?:
    | {
        name: string;
        ask(requests: readonly GenerateRequest[], ids?: readonly string[]): Promise<AnswerTo<GenerateRequest>[]>;
      }
    | undefined;
  /** Path of a file of `data.files`. @throws DataError naming origin and licence when it is not there */
  file(name: string): string;
  /** Samples at most (--limit); undefined = all. */
  limit: number | undefined;
  /** Examples in the prompt (--shots); undefined = the task's own number. */
  shots: number | undefined;
  seed: number;
  /** Whether records should hold prompt, answer and target. */
  keepTexts: boolean;
  /** What the model under test is good for, in case the prompt depends on it. */
  chat: boolean;
  /** The model under test, for a task that writes it down. */
  model?: { kind: string; model: string } | undefined;
  /** Tokens of a text for the model under test, without BOS; absent where its tokenizer is out of reach. */
  countTokens?: ((text: string) => number) | undefined;
  /** Values of the task's own `options` (--set lengths=1024,2048). */
  options?: Readonly<Record<string, string>> | undefined;
}

export interface Task {
  /** As typed: "jcommonsenseqa". */
  readonly name: string;
  /** Raised when the same model would get another figure. */
  readonly version: number;
  readonly summary: string;
  /** The metric to look at first. */
  readonly metric: string;
  /** Default: higher is better. */
  readonly lowerIsBetter?: boolean | undefined;
  /** Its own settings (--set), by name: what they are. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  /** The kinds of request it makes. */
  readonly asks: readonly Request['kind'][];
  readonly data?: DataSource | undefined;
  /** Examples in the prompt unless --shots says otherwise; undefined where a prompt has no place for examples. */
  readonly shots?: number | undefined;
  /** What it cannot do without: a judge, a model that was made for conversation. */
  readonly needs?: readonly ('judge' | 'chat')[] | undefined;
  run(context: TaskContext): Promise<TaskResult>;
}
