// A task: samples, the prompt of each, and the score of an answer. `run` makes an evaluation of these: it asks, and returns a record per
// sample; its caller batches and caches the requests, and takes means and intervals. Alone, the parts give training examples and
// rewards. `generateTask`, `choiceTask` and `rollingTask` make tasks; other tasks are objects of the same shape.
import type { Heatmap } from '../draw/index.ts';
import type { AnswerTo, ChoicesAnswer, GenerateRequest, Prompt, Request, RollingAnswer } from './request.ts';

/** Files a task reads, in their original format, below the data folder. What may not be passed on is not in the repository. */
export interface DataSource {
  /** Relative to the data folder, e.g. "jglue/datasets/jnli-v1.3/valid-v1.3.json". */
  files: readonly string[];
  /** Where a person gets them, for the error about a missing file. */
  origin: string;
  licence: string;
}

export interface Sample {
  /** Unique inside the task: the data set's own id, or the row. */
  readonly id: string;
}

/** Values of one sample by metric; means over the records are what is reported, unless the task has an `aggregate`. */
export type Metrics = Readonly<Record<string, number>>;

/** What a task found for one sample. */
export interface SampleRecord {
  /** The sample's. */
  id: string;
  metrics: Metrics;
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
  heatmap?: Heatmap | undefined;
}

/** What samples are read with. `sampleContext` makes one outside of an evaluation. */
export interface SampleContext {
  /** Path of a file of `data.files`. @throws DataError naming origin and licence when it is not there */
  file(name: string): string;
  /** Samples at most (--limit); undefined = all. */
  limit: number | undefined;
  /** Examples in the prompt (--shots); undefined = the task's own number. */
  shots: number | undefined;
  seed: number;
  /** What the model under test is good for, in case the prompt depends on it. */
  chat: boolean;
  /** Tokens of a text for the model under test, without BOS; absent where its tokenizer is out of reach. */
  countTokens?: ((text: string) => number) | undefined;
  /** Values of the task's own `options` (--set lengths=1024,2048). */
  options?: Readonly<Record<string, string>> | undefined;
}

export interface TaskContext extends SampleContext {
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
  /** Whether records should hold prompt, answer and target. */
  keepTexts: boolean;
  /** The model under test, for a task that writes it down. */
  model?: { kind: string; model: string } | undefined;
}

/** What a task says of itself. */
export interface TaskInfo {
  /** As typed: "jcommonsenseqa". */
  readonly name: string;
  /** Raised when the same model would get another result. */
  readonly version: number;
  readonly summary: string;
  /** The metric to look at first. */
  readonly metric: string;
  /** Default: higher is better. */
  readonly lowerIsBetter?: boolean | undefined;
  /** Its own settings (--set), by name: what they are. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  /** None when the samples are in the file itself. */
  readonly data?: DataSource | undefined;
  /** Examples in the prompt unless --shots says otherwise; undefined where a prompt has no place for examples. */
  readonly shots?: number | undefined;
  /** What it cannot do without: a judge, a model that was made for conversation. */
  readonly needs?: readonly ('judge' | 'chat')[] | undefined;
}

export interface Samples<S extends Sample> {
  /** Those to answer, as many as the limit says. */
  samples: readonly S[];
  /** Those that the prompts show as examples: never among the samples. */
  shots: readonly S[];
}

interface Sampled<S extends Sample> extends TaskInfo {
  /** Reads the data. @throws DataError or ConfigError for data and settings that do not fit */
  samples(context: SampleContext): Promise<Samples<S>>;
  run(context: TaskContext): Promise<TaskResult>;
}

/** A text is written. */
export interface GenerateTask<S extends Sample = Sample> extends Sampled<S> {
  readonly kind: 'generate';
  /** Default: no examples, and a model that goes on with a text. */
  prompt(sample: S, shots?: readonly S[], how?: Pick<SampleContext, 'chat'>): Prompt;
  /** A right answer, as it would be written; undefined where the data have none. */
  reference(sample: S): string | undefined;
  /** What a text that was written is worth: no model is asked. */
  score(sample: S, text: string): Metrics;
}

/** The likeliest of some continuations is the answer. */
export interface ChoiceTask<S extends Sample = Sample> extends Sampled<S> {
  readonly kind: 'choices';
  prompt(sample: S, shots?: readonly S[]): string;
  choices(sample: S): readonly string[];
  /** The right one of the choices. */
  reference(sample: S): string;
  /** What log-likelihoods of the choices are worth. @param neutral those after `NEUTRAL_PROMPT`, for `acc_pmi` */
  score(sample: S, answer: ChoicesAnswer, neutral?: ChoicesAnswer): Metrics;
}

/** How well a text is predicted. */
export interface RollingTask<S extends Sample = Sample> extends Sampled<S> {
  readonly kind: 'rolling';
  /** The text. */
  prompt(sample: S): string;
  /** The text is its own reference: there is nothing else to write. */
  readonly reference?: undefined;
  /** What the log-likelihoods of a text are worth. */
  score(sample: S, answer: RollingAnswer): Metrics;
}

/** Texts are written, and graded by a judge while the task runs: nobody can score one without it. */
export interface JudgedTask<S extends Sample = Sample> extends Sampled<S> {
  readonly kind: 'judged';
  prompt(sample: S, shots?: readonly S[], how?: Pick<SampleContext, 'chat'>): Prompt;
  reference(sample: S): string | undefined;
  readonly score?: undefined;
}

export type Task = GenerateTask | ChoiceTask | RollingTask | JudgedTask;

/** The kind of request that a task makes of the model under test. */
export function requestKind({ kind }: Pick<Task, 'kind'>): Request['kind'] {
  return kind === 'judged' ? 'generate' : kind;
}
