// Data for fine-tuning, from files to examples in memory, with a report of what was read.
import { checkOptions, DataError, type OptionNames } from '../../base/index.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { encodeConversation } from './conversation.ts';
import type { DataRow } from './data-row.ts';
import type { Example, ExampleSource, PreferenceExample, RatedExample } from './example.ts';
import { COLUMNS, checkFormat, type DataFormat, detectFormat, notRead, type Purpose, readRow } from './formats.ts';
import { encodeCompletion, encodePair, encodeRated } from './pairs.ts';
import { listRowFiles, readRows } from './read-rows.ts';
import { type DataReport, ReportKeeper } from './report.ts';
import type { ChatTemplate } from './template.ts';

export interface LoadOptions {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  /** The most tokens of an example. Default: no limit. */
  readonly maxTokens?: number | undefined;
  /**
   * What becomes of a longer one: `drop` it (default), or `cut` it after the last answer that fits whole, and drop it where none
   * does. Pairs and rated answers are dropped. Our choice: an answer without its end teaches not to end.
   */
  readonly tooLong?: 'drop' | 'cut' | undefined;
  /** One of `DATA_FORMATS`. Default: told by the columns, for each file. */
  readonly format?: string | undefined;
}

export interface Loaded<T> {
  readonly examples: readonly T[];
  readonly report: DataReport;
}

const loadOptions: OptionNames<LoadOptions> = {
  template: true,
  tokenizer: true,
  maxTokens: true,
  tooLong: true,
  format: true,
};

/** The rows of `paths`, in order. @throws DataError naming file, row and field */
async function* rowsOf(
  paths: readonly string[],
  purpose: Purpose,
  format: string | undefined,
  keeper: ReportKeeper,
): AsyncGenerator<DataRow> {
  const asked = format === undefined ? undefined : checkFormat(format, purpose);
  for (const file of listRowFiles(paths)) {
    let known: DataFormat | undefined;
    for await (const { row, value } of readRows(file, COLUMNS)) {
      const source = { file: file.path, row };
      if (known === undefined) {
        known = asked ?? detectFormat(value, purpose, source);
        keeper.file(file.path, known);
      }
      keeper.row(notRead(known, value));
      yield readRow(known, value, source);
    }
  }
}

/** Reads rows for what they say, without a tokenizer or a template. @throws DataError naming file, row and field; when there are none */
export const checkRows =
  (purpose: Purpose) =>
  async (paths: readonly string[]): Promise<void> => {
    const keeper = new ReportKeeper(undefined);
    for await (const _ of rowsOf(paths, purpose, undefined, keeper));
    if (keeper.report.rows === 0) requireExamples([], keeper.report, paths);
  };

/** Examples of answers to learn. @throws DataError naming file, row and field; when no example is left */
export async function loadExamples(paths: readonly string[], options: LoadOptions): Promise<Loaded<Example>> {
  checkOptions('loadExamples', options, loadOptions);
  const { template, tokenizer, maxTokens = Infinity, tooLong = 'drop' } = options;
  const keeper = new ReportKeeper(options.maxTokens);
  const examples: Example[] = [];
  for await (const row of rowsOf(paths, 'answers', options.format, keeper)) {
    for (const whole of encodeRow(row, template, tokenizer, keeper)) {
      const example =
        whole.ids.length <= maxTokens ? whole : tooLong === 'cut' ? cutExample(whole, maxTokens) : undefined;
      if (example !== whole) keeper.tooLong(example ? 'cut' : 'dropped', whole.source);
      if (!example) continue;
      examples.push(example);
      keeper.example(
        [example.ids],
        example.ids.length,
        example.learned.reduce((sum, each) => sum + each, 0),
      );
    }
  }
  requireExamples(examples, keeper.report, paths);
  return { examples, report: keeper.report };
}

function encodeRow(row: DataRow, template: ChatTemplate, tokenizer: Tokenizer, keeper: ReportKeeper): Example[] {
  if (row.kind === 'prompted') {
    const { prompted } = row;
    if (prompted.kind === 'text' && prompted.answers[0]!.trim() === '') {
      keeper.report.emptyAnswers++;
      keeper.report.nothingLearned++;
      return [];
    }
    return [encodeCompletion(template, tokenizer, prompted)];
  }
  const { messages } = row.conversation;
  keeper.messages(messages);
  const examples = encodeConversation(template, tokenizer, row.conversation, row.source);
  if (examples.length === 0) keeper.report.nothingLearned++;
  if (examples.length > 1) keeper.report.perTurn++;
  return examples;
}

/** An example up to the end of its last learned stretch within `most` tokens; undefined where none ends there. */
export function cutExample({ ids, learned, source }: Example, most: number): Example | undefined {
  let end = most;
  while (end > 0 && !(learned[end - 1] === 1 && learned[end] !== 1)) end--;
  return end === 0 ? undefined : { ids: ids.slice(0, end), learned: learned.slice(0, end), source };
}

/** Preference pairs. @throws DataError naming file, row and field; when no pair is left */
export function loadPairs(paths: readonly string[], options: LoadOptions): Promise<Loaded<PreferenceExample>> {
  checkOptions('loadPairs', options, loadOptions);
  return loadPrompted(paths, options, 'pairs', ({ prompted, margin }, { template, tokenizer }) => {
    const pair = encodePair(template, tokenizer, { ...prompted, margin });
    return [{ example: pair, prompt: pair.prompt, answers: [pair.chosen, pair.rejected] }];
  });
}

/**
 * Answers with a judgement; a pair gives two, its chosen one desirable and its rejected one not.
 *
 * @throws DataError naming file, row and field; when none is left
 */
export function loadRated(paths: readonly string[], options: LoadOptions): Promise<Loaded<RatedExample>> {
  checkOptions('loadRated', options, loadOptions);
  return loadPrompted(paths, options, 'ratings', ({ prompted, desirable }, { template, tokenizer }) => {
    const rated =
      desirable === undefined
        ? ratedOf(encodePair(template, tokenizer, prompted))
        : [encodeRated(template, tokenizer, { ...prompted, desirable })];
    return rated.map((example) => ({ example, prompt: example.prompt, answers: [example.completion] }));
  });
}

const ratedOf = ({ prompt, chosen, rejected, source }: PreferenceExample): RatedExample[] => [
  { prompt, completion: chosen, desirable: true, source },
  { prompt, completion: rejected, desirable: false, source },
];

/** Whether a row says that an answer without a word is wanted: nothing is to be learned of it. */
function wantsNothing({ prompted, desirable = true }: Extract<DataRow, { kind: 'prompted' }>): boolean {
  if (!desirable) return false;
  if (prompted.kind === 'text') return prompted.answers[0]!.trim() === '';
  const { content, tool_calls } = prompted.answers[0]!;
  return content.trim() === '' && !tool_calls?.length;
}

/** An example of a row, and what it is made of. */
interface Encoded<T> {
  example: T;
  prompt: Int32Array;
  answers: Int32Array[];
}

async function loadPrompted<T extends { source: ExampleSource }>(
  paths: readonly string[],
  options: LoadOptions,
  purpose: Purpose,
  encode: (row: Extract<DataRow, { kind: 'prompted' }>, options: LoadOptions) => Encoded<T>[],
): Promise<Loaded<T>> {
  const keeper = new ReportKeeper(options.maxTokens);
  const examples: T[] = [];
  for await (const row of rowsOf(paths, purpose, options.format, keeper)) {
    const asked = row as Extract<DataRow, { kind: 'prompted' }>;
    const { prompted } = asked;
    if (prompted.kind === 'conversation') keeper.roles([...prompted.prompt.messages, ...prompted.answers]);
    if (wantsNothing(asked)) {
      keeper.report.emptyAnswers++;
      keeper.report.nothingLearned++;
      continue;
    }
    for (const { example, prompt, answers } of encode(asked, options)) {
      const lengths = answers.map(({ length }) => length);
      const length = prompt.length + Math.max(...lengths);
      if (length > (options.maxTokens ?? Infinity)) {
        keeper.tooLong('dropped', example.source);
        continue;
      }
      examples.push(example);
      keeper.example([prompt, ...answers], length, Math.max(...lengths));
    }
  }
  requireExamples(examples, keeper.report, paths);
  return { examples, report: keeper.report };
}

function requireExamples(examples: readonly unknown[], report: DataReport, paths: readonly string[]): void {
  if (examples.length > 0) return;
  const { dropped, maxTokens } = report.tooLong;
  const why =
    report.rows === 0
      ? 'there are no rows'
      : dropped > 0
        ? `${dropped} of ${report.rows} rows are longer than ${maxTokens} tokens`
        : 'nothing in them is to be learned';
  throw new DataError('no-examples', `${paths.join(', ')}: no example is left: ${why}`, {
    remedy: dropped > 0 ? 'Allow longer examples, or have them cut.' : 'Check the data.',
    fields: { paths, rows: report.rows },
  });
}
