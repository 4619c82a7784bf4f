// Text files of data sets: bytes that must be UTF-8, since a malformed one would change a figure silently, and not more of them than
// a data set has. A byte order mark is no part of the text.
import { readFileSync, statSync } from 'node:fs';
import { DataError, FormatError } from '../base/index.ts';

/** A string holds no more. */
const MAX_BYTES = 512 << 20;

/** @throws FormatError naming the file */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError('not-utf8', `${file} is not valid UTF-8`, {
      remedy: 'Write it as UTF-8, or fetch it again.',
      fields: { file },
      cause,
    });
  }
}

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
