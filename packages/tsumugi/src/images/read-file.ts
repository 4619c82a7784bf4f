// JSON files of data sets, which come without a schema: read with errors that name the file and the place.
import { DataError, readJsonValue } from '../base/index.ts';

const REMEDY = 'Remove the file or its folder, and fetch or make it again.';

/** The error for content that is not as it should be. */
export function badData(path: string, problem: string): DataError {
  return new DataError('bad-data', `${path}: ${problem}`, {
    remedy: REMEDY,
    fields: { file: path },
  });
}

/** A list of all pixels of Fashion-MNIST's larger classes has 5.5 million entries. */
const MAX_VALUES = 2 ** 23;

/** The value in a JSON file. @throws DataError or FormatError when it is none */
export const readJsonFile = (path: string): unknown => readJsonValue(path, { remedy: REMEDY, values: MAX_VALUES });

/** Whether a value is a whole number from 0 to `last`. */
export const isByte = (value: unknown, last = 255): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= last;
