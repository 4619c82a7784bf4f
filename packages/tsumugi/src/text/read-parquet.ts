// Parquet: one row per document, the text in one column. Read a row group at a time, that column only.
import { DataError } from '../base/index.ts';
import { missingField, notText } from './read-jsonl.ts';

/** The texts of a Parquet file. A null is an empty document. `onRows` is told the share of the rows that were read. */
export async function* readParquet(
  file: string,
  field: string,
  onRows: (share: number) => void = () => {},
): AsyncGenerator<string> {
  // Loaded when a Parquet file is met: most runs have none.
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const unreadable = (cause: unknown) =>
    new DataError(
      'unreadable-parquet',
      `${file} is not a readable Parquet file: ${cause instanceof Error ? cause.message : cause}`,
      {
        remedy: 'check that the file is whole and really Parquet',
        fields: { file },
        cause,
      },
    );
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer).catch((cause: unknown) => {
    throw unreadable(cause);
  });
  const columns = parquetSchema(metadata).children.map((child) => child.element.name);
  if (!columns.includes(field)) throw missingField(file, undefined, field, columns);
  const rows = Number(metadata.num_rows);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const options = { file: buffer, metadata, columns: [field], rowStart, rowEnd, compressors };
    const values = await parquetReadObjects(options).catch((cause: unknown) => {
      throw unreadable(cause);
    });
    for (let i = 0; i < values.length; i++) {
      const value: unknown = values[i]![field];
      if (value !== null && value !== undefined && typeof value !== 'string')
        throw notText(file, rowStart + i + 1, field, value);
      yield value ?? '';
    }
    rowStart = rowEnd;
    onRows(rowStart / rows);
  }
}
