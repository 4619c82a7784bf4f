// Comma-separated values (RFC 4180): quoted fields may hold commas, line ends and doubled quotes. A byte order mark is skipped.
import { readUtf8 } from '../read-utf8.ts';
import { badRow, Row } from './rows.ts';

/** The records of a text. @throws DataError when a quote is not closed */
export function parseCsv(text: string, file: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  // A field is quoted, or goes to the next comma or line end; what follows it ends the field, the record or the text.
  const pattern = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*|))(,|\r?\n|$)/gy;
  for (let at = text.startsWith('\ufeff') ? 1 : 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const [, quoted, plain, end] = pattern.exec(text) ?? refuse(file, records.length + 1);
    record.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === ',') {
      if (pattern.lastIndex === text.length) record.push('');
      else continue;
    }
    records.push(record);
    record = [];
  }
  return records;
}

/** Rows of a file without a header, by the names of its columns; blank ones count but are skipped. @throws DataError */
export function readCsv(file: string, columns: readonly string[]): Row[] {
  return parseCsv(readUtf8(file), file).flatMap((record, i) => {
    if (record.length === 1 && record[0]!.trim() === '') return [];
    if (record.length !== columns.length)
      throw badRow(
        { file, row: i + 1 },
        ` should have ${columns.length} fields (${columns.join(', ')}) but has ${record.length}`,
      );
    return new Row(file, i + 1, Object.fromEntries(columns.map((column, j) => [column, record[j]])));
  });
}

function refuse(file: string, row: number): never {
  throw badRow({ file, row }, ': a quote is not closed, or text follows a closed one');
}
