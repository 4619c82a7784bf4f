// Files of rows as DuckDB reads them: Parquet and JSON lines, all of one kind.
import { statSync } from 'node:fs';
import { DataError, nearest } from '../../base/index.ts';
import { listRowFiles } from '../../text/index.ts';
import { type Duck, named, quoted } from './duck.ts';

export interface RowSource {
  readonly files: readonly { path: string; bytes: number }[];
  /** What stands behind FROM. */
  readonly sql: string;
}

/** A name with *, ? or [ stands for others too unless these are in brackets. */
const literal = (path: string): string => quoted(path.replaceAll(/[*?[]/g, '[$&]'));

/** @throws DataError for files that are missing, of another kind, or of several kinds */
export function rowSource(paths: readonly string[]): RowSource {
  const files = listRowFiles(paths)
    // In folders, other files lie beside the rows.
    .filter(({ path, format }) => format !== 'json' || paths.includes(path))
    .map(({ path, format }) => ({ path, format, bytes: statSync(path).size }));
  if (files.length === 0)
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
  // All rows are looked at for the types of fields; a text that looks like a date stays a text.
  const json = `read_json(${list}, format = 'newline_delimited', sample_size = -1, dateformat = 'x', timestampformat = 'x', union_by_name = true)`;
  return { files, sql: format === 'parquet' ? `read_parquet(${list}, union_by_name = true)` : json };
}

/** @throws DataError when there is no such column, or it holds no texts */
export async function requireTexts(duck: Duck, { sql, files }: RowSource, field: string): Promise<void> {
  const columns = await duck.rows(`DESCRIBE SELECT * FROM ${sql}`);
  const names = columns.map(([name]) => String(name));
  const type = columns.find(([name]) => name === field)?.[1];
  if (type === 'VARCHAR') return;
  const near = nearest(field, names);
  const is = type === undefined ? `no column "${field}" but ${names.map(named).join(', ')}` : `"${field}" as ${type}`;
  throw new DataError('missing-field', `${files[0]!.path} has ${is}`, {
    remedy: `Name the column that holds the text with --set field=NAME${near && type === undefined ? `; did you mean "${near}"?` : '.'}`,
    fields: { path: files[0]!.path, field, columns: names },
  });
}
