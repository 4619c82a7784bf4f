// Text files of data sets, which are not larger than a data set is.
import { readFileSync, statSync } from 'node:fs';
import { DataError, decodeUtf8 } from '../base/index.ts';

/** A string holds no more. */
const MAX_BYTES = 512 << 20;

/** @throws DataError for a file that is too large, FormatError for one that is not UTF-8 */
export function readUtf8(file: string, maxBytes = MAX_BYTES): string {
  const { size } = statSync(file);
  if (size > maxBytes)
    throw new DataError('too-large', `${file} has ${size} bytes; no data set has more than ${maxBytes}`, {
      remedy: 'Check that it is the file of the data set, and cut it if it is.',
      fields: { file, size },
    });
  return decodeUtf8(readFileSync(file), file);
}
