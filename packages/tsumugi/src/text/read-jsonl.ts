// JSON lines: one object per line, the document in one of its fields.
import { DataError, isObject, nearest, parseJson } from '../base/index.ts';
import { MAX_CHARACTERS } from './limits.ts';

/**
 * The lines of a stream of text, without their ends. A line that spans many pieces is put together once.
 * @throws DataError for a line beyond `MAX_CHARACTERS`
 */
async function* lines(file: string, chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let pieces: string[] = [];
  let length = 0;
  let row = 1;
  const add = (piece: string) => {
    length += piece.length;
    if (length > MAX_CHARACTERS) throw tooLong(file, row);
    pieces.push(piece);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      add(chunk.slice(start, end));
      yield pieces.join('');
      [pieces, length, start] = [[], 0, end + 1];
      row++;
    }
    if (start < chunk.length) add(chunk.slice(start));
  }
  if (length > 0) yield pieces.join('');
}

function tooLong(file: string, row: number): DataError {
  return new DataError(
    'line-too-long',
    `${file}, row ${row} is longer than ${MAX_CHARACTERS.toLocaleString('en')} characters, the most that one document may have`,
    {
      remedy: 'Write one JSON object per line, and cut longer texts into several documents.',
      fields: { file, row, limit: MAX_CHARACTERS },
    },
  );
}

/** Reports that a row has no field (or column) of that name, with the nearest one it has. */
export function missingField(file: string, row: number | undefined, field: string, existing: string[]): DataError {
  const [where, kind] = row === undefined ? [file, 'column'] : [`${file}, row ${row}`, 'field'];
  const near = nearest(field, existing);
  return new DataError(
    'missing-field',
    `${where} has no ${kind} "${field}" but ${existing.map((name) => `"${name}"`).join(', ') || 'none'}`,
    {
      remedy: `Name the ${kind} that holds the text with --field${near ? `; did you mean "${near}"?` : '.'}`,
      fields: { file, row, field, existing },
    },
  );
}

/** Reports that a field holds something other than text. */
export function notText(file: string, row: number, field: string, value: unknown): DataError {
  const found = Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
  return new DataError('not-text', `${file}, row ${row}: "${field}" should hold text but holds ${found}`, {
    remedy: 'Name a field of text with --field.',
    fields: { file, row, field },
  });
}

const named = (values: readonly unknown[], names: readonly string[]) =>
  Object.fromEntries(names.map((name, i) => [name, values[i]]));

/**
 * The objects of a JSON-lines file. Blank lines are skipped. Rows count from 1.
 * @param shape what a line may look like, for errors
 * @param lists names for the values of a line that is a list
 */
export async function* readJsonObjects(
  file: string,
  chunks: AsyncIterable<string>,
  shape: string,
  lists?: readonly string[],
): AsyncGenerator<{ row: number; value: Record<string, unknown> }> {
  let row = 0;
  for await (const whole of lines(file, chunks)) {
    row++;
    // Files that were put one behind the other keep a byte-order mark in the middle.
    const line = whole.startsWith('\ufeff') ? whole.slice(1) : whole;
    if (!/\S/.test(line)) continue;
    let value: unknown;
    try {
      value = parseJson(line);
    } catch (cause) {
      throw new DataError('not-json', `${file}, row ${row} is not JSON: ${(cause as Error).message}`, {
        remedy: 'Write one JSON object per line.',
        fields: { file, row },
        cause,
      });
    }
    if (lists && Array.isArray(value)) value = named(value, lists);
    if (!isObject(value)) {
      throw new DataError(
        'not-an-object',
        `${file}, row ${row} should be a JSON object but is ${JSON.stringify(value).slice(0, 40)}`,
        {
          remedy: `Write one object per line, such as ${shape}, or move the file elsewhere if it is no text.`,
          fields: { file, row },
        },
      );
    }
    yield { row, value };
  }
}

/** The texts of a JSON-lines file with their rows; `null` is an empty document. */
export async function* readJsonLines(
  file: string,
  chunks: AsyncIterable<string>,
  field: string,
): AsyncGenerator<{ row: number; text: string }> {
  for await (const { row, value } of readJsonObjects(file, chunks, `{"${field}": "…"}`)) {
    if (!Object.hasOwn(value, field)) throw missingField(file, row, field, Object.keys(value));
    const text = value[field];
    if (text !== null && typeof text !== 'string') throw notText(file, row, field, text);
    yield { row, text: text ?? '' };
  }
}
