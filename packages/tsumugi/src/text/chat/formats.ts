// The shapes in which data for fine-tuning comes, told apart by their columns.
import { ConfigError, DataError } from '../../base/index.ts';
import { conversationColumns, conversationRow, inputs, instructionRow, outputs } from './conversation-rows.ts';
import type { DataRow, Values } from './data-row.ts';
import type { ExampleSource } from './example.ts';
import { given } from './message-fields.ts';
import { completionRow, preferenceRow, ratedRow } from './prompted-rows.ts';

/** For training on answers, on pairs, on rated answers. */
export type Purpose = 'answers' | 'pairs' | 'ratings';

interface Shape {
  /** What it is for; the first is the one that it is made for. */
  readonly purposes: readonly [Purpose, ...Purpose[]];
  /** What its rows have: of each group, one. */
  readonly columns: readonly (readonly string[])[];
  /** What is read besides, where a row has it. */
  readonly more: readonly string[];
  read(values: Values, source: ExampleSource): DataRow;
}

const beside = ['system', 'tools'];

const shapes = {
  messages: { purposes: ['answers'], columns: [conversationColumns], more: beside, read: conversationRow },
  sharegpt: { purposes: ['answers'], columns: [conversationColumns], more: beside, read: conversationRow },
  completion: { purposes: ['answers'], columns: [['prompt'], ['completion']], more: beside, read: completionRow },
  instruction: {
    purposes: ['answers'],
    columns: [['instruction'], outputs],
    more: [...inputs, 'history', 'system'],
    read: instructionRow,
  },
  preference: {
    purposes: ['pairs', 'ratings'],
    columns: [['chosen'], ['rejected']],
    more: ['prompt', 'margin', ...beside],
    read: preferenceRow,
  },
  rated: { purposes: ['ratings'], columns: [['prompt'], ['completion'], ['label']], more: beside, read: ratedRow },
} satisfies Record<string, Shape>;

export type DataFormat = keyof typeof shapes;
export const DATA_FORMATS = Object.keys(shapes) as DataFormat[];

/** All columns that are read. */
export const COLUMNS: readonly string[] = [
  ...new Set([...Object.values(shapes).flatMap(({ columns, more }) => [...columns.flat(), ...more])]),
];

/** Columns of a row that its format has no place for. */
export function notRead(format: DataFormat, values: Values): string[] {
  const { columns, more }: Shape = shapes[format];
  const read = new Set([...columns.flat(), ...more]);
  return Object.keys(values).filter((name) => given(values[name]) !== undefined && !read.has(name));
}

const has = (values: Values, shape: Shape): boolean =>
  shape.columns.every((group) => group.some((column) => given(values[column]) !== undefined));

const columnsOf = (values: Values): string =>
  Object.keys(values)
    .map((name) => `"${name}"`)
    .join(', ') || 'no columns';

const fitting = (purpose: Purpose): DataFormat[] =>
  DATA_FORMATS.filter((name) => (shapes[name].purposes as readonly Purpose[]).includes(purpose));

const describe = (name: DataFormat): string =>
  `${name} (${shapes[name].columns.map((group) => group.join(' or ')).join(', ')})`;

/**
 * The format of a file, by its first row.
 * @throws DataError when it is none that serves the purpose
 */
export function detectFormat(values: Values, purpose: Purpose, { file, row }: ExampleSource): DataFormat {
  const found = DATA_FORMATS.findLast((name) => has(values, shapes[name]));
  // The columns of rated answers hold those of a completion, and those of pairs may stand beside a conversation.
  const name = purpose === 'answers' ? found : fitting(purpose).findLast((each) => has(values, shapes[each]));
  if (name !== undefined && fitting(purpose).includes(name)) return name === 'sharegpt' ? wording(values) : name;
  const other = (name ?? found) === 'sharegpt' ? wording(values) : (name ?? found);
  const remedies: Record<Purpose, string> = {
    answers: 'It is data for "tsumugi sft".',
    pairs: 'It is data for "tsumugi dpo".',
    ratings: 'It is data for "tsumugi dpo" with --set loss=kto.',
  };
  const plain = typeof values['text'] === 'string' ? ' Plain text is for "tsumugi pretrain".' : '';
  throw new DataError(
    'unknown-data',
    `${file}, row ${row} has ${columnsOf(values)}, which ${other === undefined ? 'is no format that is read' : `is ${describe(other)}`}`,
    {
      remedy:
        other === undefined
          ? `Write one of ${fitting(purpose).map(describe).join('; ')}.${plain}`
          : remedies[shapes[other].purposes[0]],
      fields: { file, row, columns: Object.keys(values) },
    },
  );
}

/** Whose words a conversation is in: OpenAI's role and content, or ShareGPT's from and value. */
function wording(values: Values): 'messages' | 'sharegpt' {
  const list = conversationColumns.map((column) => values[column]).find(Array.isArray) as unknown[] | undefined;
  const first = list?.[0];
  return typeof first === 'object' && first !== null && !('role' in first) && 'from' in first ? 'sharegpt' : 'messages';
}

/** @throws ConfigError for a format that is not, or that serves another purpose */
export function checkFormat(format: string, purpose: Purpose): DataFormat {
  const fit = fitting(purpose);
  if (fit.includes(format as DataFormat)) return format as DataFormat;
  throw new ConfigError('data-format', `there is no format "${format}" here`, {
    remedy: `Write one of ${fit.map(describe).join('; ')}, or leave it out to have it told by the columns.`,
    fields: { format },
  });
}

/** What a row of a format says. @throws DataError naming file, row and field; also for a row of another format */
export function readRow(format: DataFormat, values: Values, source: ExampleSource): DataRow {
  const shape: Shape = shapes[format];
  if (!has(values, shape)) {
    const { file, row } = source;
    throw new DataError(
      'mixed-data',
      `${file}, row ${row} has ${columnsOf(values)}, but the file is of the format ${describe(format)}`,
      { remedy: 'Put rows of one format into one file.', fields: { file, row, format } },
    );
  }
  return shape.read(values, source);
}
