// Rows of data for fine-tuning, as objects: JSON lines, a list in a JSON file, Parquet with lists and structs.
import { DataError, isObject, parseJson } from '../../base/index.ts';
import { decode } from '../encoding/decode.ts';
import { requireWholePairs } from '../half-pairs.ts';
import { MAX_CHARACTERS } from '../limits.ts';
import { fileSource } from '../read-bytes.ts';
import { readJsonObjects } from '../read-jsonl.ts';
import { readParquetRows } from '../read-parquet.ts';
import { type FileKinds, listSources, type SourceFile } from '../source-files.ts';

export type RowFormat = 'jsonl' | 'json' | 'parquet';

const kinds: FileKinds<RowFormat> = {
  endings: { '.jsonl': 'jsonl', '.ndjson': 'jsonl', '.json': 'json', '.parquet': 'parquet' },
  option: '--data',
};

export type RowFile = SourceFile<RowFormat>;

/** The files of `paths` that hold rows, in a fixed order. @throws DataError for one that is missing, or of another format */
export const listRowFiles = (paths: readonly string[]): RowFile[] => listSources(paths, kinds).files;

export interface Row {
  /** From 1 on: a line, or a place in a list. */
  row: number;
  value: Readonly<Record<string, unknown>>;
}

/**
 * @param columns those that are read of a Parquet file, where it has them
 * @param lists names for the values of JSON lines that are lists
 * @throws DataError naming file, row and field of a column that holds half of a surrogate pair
 */
export async function* readRows(
  file: RowFile,
  columns: readonly string[],
  lists?: readonly string[],
): AsyncGenerator<Row> {
  for await (const row of rowsOf(file, columns, lists)) {
    const source = { file: file.path, row: row.row };
    for (const column of columns) requireWholePairs(row.value[column], column, source);
    yield row;
  }
}

async function* rowsOf(
  file: RowFile,
  columns: readonly string[],
  lists: readonly string[] | undefined,
): AsyncGenerator<Row> {
  const { path, format } = file;
  if (format === 'parquet') {
    let row = 0;
    for await (const value of readParquetRows(path, columns)) yield { row: ++row, value: asInJson(value) };
  } else if (format === 'jsonl') yield* readJsonObjects(path, decode(fileSource(path)), '{"messages": […]}', lists);
  else yield* listRows(path, await wholeText(path));
}

/** The values of a Parquet row as JSON would have them, at every depth: rows mean the same in both, and templates know no others. */
const asInJson = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, jsonValue(value)]));

function jsonValue(value: unknown): unknown {
  // Numbers that ids have, and that JavaScript's cannot hold, are texts.
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(jsonValue);
  if (!isObject(value) || ArrayBuffer.isView(value)) return value;
  // A struct has every field of its column in every row: a tool that takes a city would be told of the parameters of all others.
  return asInJson(
    Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined)),
  );
}

async function wholeText(path: string): Promise<string> {
  const pieces: string[] = [];
  let length = 0;
  for await (const piece of decode(fileSource(path))) {
    length += piece.length;
    if (length > MAX_CHARACTERS)
      throw new DataError('file-too-long', `${path} has more than ${MAX_CHARACTERS} characters, and is read whole`, {
        remedy: 'Write it as JSON lines: one object a line, in a file that ends in .jsonl.',
        fields: { file: path, limit: MAX_CHARACTERS },
      });
    pieces.push(piece);
  }
  return pieces.join('');
}

function* listRows(path: string, text: string): Generator<Row> {
  const refuse = (fault: string, cause?: unknown) =>
    new DataError('not-rows', `${path} ${fault}`, {
      remedy: 'Write a list of objects, or JSON lines in a file that ends in .jsonl.',
      fields: { file: path },
      cause,
    });
  let list: unknown;
  try {
    list = parseJson(text);
  } catch (cause) {
    throw refuse(`is not JSON: ${(cause as Error).message}`, cause);
  }
  if (!Array.isArray(list)) throw refuse(`should be a list of objects but is ${JSON.stringify(list).slice(0, 40)}`);
  for (const [i, value] of list.entries()) {
    if (!isObject(value))
      throw refuse(`, row ${i + 1} should be an object but is ${JSON.stringify(value).slice(0, 40)}`);
    yield { row: i + 1, value };
  }
}
