// JSON files of data sets, which come without a schema: read with errors that name the file and the place.
import { readFileSync } from 'node:fs';
import { DataError } from '../../base/index.ts';

/** The error for content that is not as it should be. */
export function badData(path: string, problem: string): DataError {
  return new DataError('bad-data', `${path}: ${problem}`, {
    remedy: 'Remove the file or its folder, and fetch or make it again.',
    fields: { file: path },
  });
}

/** The value in a JSON file. @throws DataError when it is not JSON */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw badData(path, `it is not JSON: ${cause.message}`);
    throw cause;
  }
}

/** Whether a value is a whole number from 0 to `last`. */
export const isByte = (value: unknown, last = 255): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= last;
