// Files of rows as DuckDB reads them: Parquet and JSON lines, all of one kind.
import { statSync } from 'node:fs';
import { DataError, nearest } from '../../base/index.ts';
import { listRowFiles } from '../../text/index.ts';
import { type Duck, named, quoted } from './duck.ts';

export interface RowSource {
  readonly files: readonly { path: string; bytes: number }[];
  /** What stands behind FROM, with further settings of DuckDB's reader. */
  sql(settings?: string): string;
  readonly format: string;
  /** The names of the files, as a list in SQL. */
  readonly list: string;
}

/** A name with *, ? or [ stands for others too unless these are in brackets. */
const literal = (path: string): string => quoted(path.replaceAll(/[*?[]/g, '[$&]'));

/** @throws DataError for files that are missing, of another kind, or of several kinds */
export function rowSource(paths: readonly string[]): RowSource {
  const files = listRowFiles(paths)
    // In folders, other files lie beside the rows.
    .filter(({ path, format }) => format !== 'json' || paths.includes(path))
    .map(({ path, format }) => ({ path, format, bytes: statSync(path).size }));
  if (files.every(({ bytes }) => bytes === 0))
    throw new DataError('nothing-to-read', `${paths.join(', ')} holds neither JSON lines nor Parquet`, {
      remedy: 'Name files that end in .jsonl, .jsonl.zst, .jsonl.gz or .parquet.',
      fields: { paths },
    });
  const bad = files.find(({ path, format }) => format === 'json' || /\.xz$/i.test(path));
  if (bad)
    throw new DataError('unknown-format', `${bad.path} is not of a format that is streamed`, {
      remedy: bad.format === 'json' ? 'Write JSON lines, or Parquet.' : 'Unpack it, or pack it with zstd or gzip.',
      fields: { path: bad.path },
    });
  const [{ format }] = files as [(typeof files)[0]];
  const other = files.find((file) => file.format !== format);
  if (other)
    throw new DataError('mixed-formats', `${files[0]!.path} is ${format}, but ${other.path} is ${other.format}`, {
      remedy: 'Clean files of one format at a time.',
      fields: { path: other.path },
    });
  const list = `[${files.map(({ path }) => literal(path)).join(', ')}]`;
  // Columns come from the files alone, not from folders named a=b.
  const common = 'union_by_name = true, hive_partitioning = false';
  // All rows are looked at for the types of fields.
  const lines = `format = 'newline_delimited', sample_size = -1, dateformat = ${noDate}, timestampformat = ${noDate}`;
  const sql = (settings = '') =>
    format === 'parquet'
      ? `read_parquet(${list}, ${common}${settings})`
      : `read_json(${list}, ${common}, ${lines}${settings})`;
  return { files, sql, format, list };
}

/** No text looks like a date of this form: a text that looks like a date stays a text. */
const noDate = "'\u0001%Y\u0001'";

type Column = readonly [name: string, type: string];

/**
 * What stands behind FROM, so that every column comes as it was written.
 *
 * @throws DataError when there is no such column, it holds no texts, or columns have the same name but for its case
 */
export async function textRows(duck: Duck, source: RowSource, field: string): Promise<string> {
  const { files, format, sql } = source;
  const found = (await duck.rows(`DESCRIBE SELECT * FROM ${sql()}`)).map(
    ([name, type]): Column => [String(name), String(type)],
  );
  const columns = found.map(([name, type]): Column => [name, format === 'parquet' ? type : withTexts(type)]);
  const retyped = columns.some(([, type], i) => type !== found[i]![1]);
  if (format !== 'parquet' && (retyped || found.some(([name]) => isRenamed(name, found))))
    await requireNames(duck, source, found);
  const own = `, columns = {${columns.map(([name, type]) => `${quoted(name)}: ${quoted(type)}`).join(', ')}}`;
  const from = retyped ? sql(own) : sql();
  const names = columns.map(([name]) => name);
  const type = columns.find(([name]) => name === field)?.[1];
  if (type === 'VARCHAR') return from;
  const near = nearest(field, names);
  const is =
    type === undefined
      ? `no column "${field}" but ${names.map(named).join(', ')}`
      : `"${field}" as ${type === 'JSON' ? await noText(duck, from, field) : type}`;
  throw new DataError('missing-field', `${files[0]!.path} has ${is}`, {
    remedy: `Name the column that holds the text with --set field=NAME${near && type === undefined ? `; did you mean "${near}"?` : '.'}`,
    fields: { path: files[0]!.path, field, columns: names },
  });
}

/** A type without those that DuckDB takes texts for, and writes in another way: times, and hexadecimal names in small letters. */
const withTexts = (type: string): string =>
  type.replaceAll(/"(?:[^"]|"")*"|\b(?:UUID|TIME|DATE|TIMESTAMP)\b/g, (each) =>
    each.startsWith('"') ? each : 'VARCHAR',
  );

/** Names that differ in case only are one for DuckDB: the second becomes Text_1. */
function isRenamed(name: string, columns: readonly Column[]): boolean {
  const stem = /^(.*)_\d+$/.exec(name)?.[1]?.toLowerCase();
  return stem !== undefined && columns.some(([other]) => other.toLowerCase() === stem);
}

async function requireNames(duck: Duck, { files, list }: RowSource, columns: readonly Column[]): Promise<void> {
  const keys = await duck.rows(
    `SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects(${list}, format = 'newline_delimited')`,
  );
  const written = new Set(keys.map(([key]) => String(key)));
  const renamed = columns.find(([name]) => !written.has(name))?.[0];
  if (renamed === undefined) return;
  const { path } = files[0]!;
  throw new DataError('same-names', `${path} has fields whose names DuckDB cannot keep: it calls one "${renamed}"`, {
    remedy: 'Give the fields names that are not empty and differ in more than capital letters.',
    fields: { path, field: renamed },
  });
}

const kinds: Readonly<Record<string, string>> = { OBJECT: 'an object', ARRAY: 'a list', BOOLEAN: 'true or false' };

/** What a column of mixed values holds besides texts, and where first. */
async function noText(duck: Duck, from: string, field: string): Promise<string> {
  const [first] = await duck.rows(
    `SELECT row, kind FROM (SELECT row_number() OVER () AS row, json_type(${named(field)}) AS kind FROM ${from}) WHERE kind NOT IN ('VARCHAR', 'NULL') LIMIT 1`,
  );
  return first ? `${kinds[String(first[1])] ?? 'a number'} in row ${first[0]} of all files` : 'null in all rows';
}
