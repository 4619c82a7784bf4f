// Parquet: one row per document, the text in one column; or rows of several columns, with lists and structs. Sizes are checked in the file's description and in the pages'
// headers before anything of that size is made. Runs in the thread of parquet-thread.ts.
import { statSync } from 'node:fs';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Compressors, FileMetaData } from 'hyparquet';
import { DataError, TsumugiError } from '../base/index.ts';
import { MAX_COLUMN_BYTES, MAX_METADATA_BYTES, MAX_PAGE_BYTES, MAX_ROWS, mebibytes } from './limits.ts';
import { missingField, notText } from './read-jsonl.ts';

/** What a row group gives, with the share of the rows that were read. */
export interface ParquetGroup<T> {
  rows: T[];
  share: number;
}

/** The texts of each row group, a null as an empty document. */
export async function* parquetTexts(file: string, field: string): AsyncGenerator<ParquetGroup<string>> {
  let row = 0;
  const missing = (columns: string[]) => missingField(file, undefined, field, columns);
  for await (const { rows, share } of parquetGroups(file, [field], missing)) {
    const texts = rows.map(({ [field]: value }) => {
      row++;
      if (value !== null && value !== undefined && typeof value !== 'string') throw notText(file, row, field, value);
      return value ?? '';
    });
    yield { rows: texts, share };
  }
}

/**
 * The rows of each row group, with those of the columns that the file has.
 * @param missing what to say when it has none of them
 */
export async function* parquetGroups(
  file: string,
  wanted: readonly string[],
  missing: (columns: string[]) => Error = (columns) => noColumn(file, wanted, columns),
): AsyncGenerator<ParquetGroup<Record<string, unknown>>> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const readable = async <T>(reading: Promise<T> | (() => T)): Promise<T> => {
    try {
      return typeof reading === 'function' ? reading() : await reading;
    } catch (cause) {
      throw cause instanceof TsumugiError ? cause : unreadable(file, cause);
    }
  };
  const buffer = await readable(asyncBufferFromFile(file));
  await checkDescription(file, buffer);
  const metadata = await readable(parquetMetadataAsync(buffer));
  const all = await readable(() => parquetSchema(metadata).children.map((child) => child.element.name));
  const columns = wanted.filter((name) => all.includes(name));
  if (columns.length === 0) throw missing(all);
  const total = await readable(() => checkSizes(file, metadata, columns));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const options = { file: buffer, metadata, columns, rowStart, rowEnd };
    const reading = { ...options, compressors: withinLimits(file, compressors), parsers: strictly(file) };
    const rows = await readable(parquetReadObjects(reading));
    if (rows.length !== rowEnd - rowStart) throw unreadable(file, new Error('rows are missing from a row group'));
    rowStart = rowEnd;
    yield { rows, share: rowStart / total };
  }
}

function noColumn(file: string, wanted: readonly string[], columns: readonly string[]): DataError {
  return new DataError('missing-field', `${file} has the columns ${columns.join(', ')}, none of which is read`, {
    remedy: `Rename its columns to some of ${wanted.join(', ')}.`,
    fields: { file, existing: columns },
  });
}

function unreadable(file: string, cause: unknown): DataError {
  const reason = cause instanceof Error ? cause.message : cause;
  return new DataError('unreadable-parquet', `${file} is not a readable Parquet file: ${reason}`, {
    remedy: 'Check that the file is whole and really Parquet.',
    fields: { file },
    cause,
  });
}

function tooLarge(file: string, what: string, bytes: number, limit: number): DataError {
  return new DataError(
    'parquet-too-large',
    `${file} has ${what} of ${mebibytes(bytes)}, more than the ${mebibytes(limit)} that are read at once`,
    { remedy: 'Write it again with smaller row groups (128 MiB is usual).', fields: { file, bytes, limit } },
  );
}

/** @throws DataError when the description at the end of the file is not there, or absurdly large */
async function checkDescription(
  file: string,
  buffer: { slice(start: number, end?: number): ArrayBuffer | Promise<ArrayBuffer> },
) {
  const { size } = statSync(file);
  if (size < 12) throw unreadable(file, new Error(`it has ${size} bytes`));
  const end = Buffer.from(await buffer.slice(size - 8, size));
  if (end.toString('latin1', 4) !== 'PAR1')
    throw unreadable(file, new Error('it does not end as Parquet does; it may be cut'));
  const bytes = end.readUInt32LE();
  if (bytes > size - 8) throw unreadable(file, new Error(`its description of ${bytes} bytes is not there`));
  if (bytes > MAX_METADATA_BYTES) throw tooLarge(file, 'a description', bytes, MAX_METADATA_BYTES);
}

/** The number of rows. @throws DataError when what the description promises cannot be, or is too much to hold */
function checkSizes(file: string, { num_rows, row_groups }: FileMetaData, fields: readonly string[]): number {
  let rows = 0;
  for (const { num_rows: inGroup, columns } of row_groups ?? []) {
    rows += Number(inGroup);
    if (!(Number(inGroup) >= 0 && rows <= MAX_ROWS)) throw unreadable(file, new Error(`it says it has ${rows} rows`));
    for (const { meta_data: column } of columns) {
      if (!column || !fields.includes(column.path_in_schema[0]!)) continue;
      const bytes = Math.max(Number(column.total_uncompressed_size), Number(column.total_compressed_size));
      if (!(bytes >= 0)) throw unreadable(file, new Error(`a column has ${bytes} bytes`));
      if (bytes > MAX_COLUMN_BYTES) throw tooLarge(file, 'a row group', bytes, MAX_COLUMN_BYTES);
    }
  }
  if (rows !== Number(num_rows)) throw unreadable(file, new Error(`it says ${num_rows} rows, its row groups ${rows}`));
  return rows;
}

/** Decompressors that make no more than a page may have; zlib's own where Node has one. */
function withinLimits(file: string, others: Compressors): Compressors {
  const zlib =
    (unpack: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array) =>
    (bytes: Uint8Array, size: number) =>
      unpack(bytes, { maxOutputLength: Math.max(1, size) });
  const all: Compressors = {
    ...others,
    GZIP: zlib(gunzipSync),
    BROTLI: zlib(brotliDecompressSync),
    ZSTD: zlib(zstdDecompressSync),
  };
  return Object.fromEntries(
    Object.entries(all).map(([codec, unpack]) => [
      codec,
      (bytes: Uint8Array, size: number) => {
        if (size > MAX_PAGE_BYTES) throw tooLarge(file, 'a page', size, MAX_PAGE_BYTES);
        return unpack!(bytes, size);
      },
    ]),
  );
}

/** Texts that are not UTF-8 are refused instead of being filled with U+FFFD. */
function strictly(file: string) {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  return {
    stringFromBytes(bytes: Uint8Array | undefined) {
      try {
        return bytes && utf8.decode(bytes);
      } catch (cause) {
        const shown = Buffer.from(bytes!.subarray(0, 24)).toString('hex');
        throw new DataError(
          'not-utf-8',
          `${file} holds a text that is not UTF-8, as texts in Parquet must be: bytes ${shown}…`,
          {
            remedy: 'Write the file again with its texts in UTF-8; --encoding has no effect on Parquet.',
            fields: { file },
            cause,
          },
        );
      }
    },
  };
}
