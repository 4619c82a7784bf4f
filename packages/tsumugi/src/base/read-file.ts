// Files that are held in memory whole: their size is known and within a limit before they are read, and what goes wrong is
// said in words.
import { readFileSync, statSync } from 'node:fs';
import { absence } from './absence.ts';
import { DataError, FormatError } from './errors.ts';
import { jsonExcess, MAX_JSON_BYTES } from './json-text.ts';
import { decodeUtf8 } from './utf8.ts';

/** Why a file cannot be read, as the end of a sentence that begins with its path. */
const FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'the system does not permit it',
  EIO: 'the disk reports a fault',
  ELOOP: 'its links lead in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ESTALE: 'it was replaced on the network drive while it was open',
};

/** The error for what the file system says of `path`, as one for people. */
export function cannotRead(path: string, cause: unknown): DataError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const { fault, remedy } = absence(path);
    return new DataError('no-such-file', `${path} ${fault}`, { remedy, fields: { path }, cause });
  }
  return new DataError('cannot-read', `${path} cannot be read: ${FAULTS[code ?? ''] ?? message}`, {
    remedy: 'Check the path and its permissions.',
    fields: { path },
    cause,
  });
}

/**
 * The bytes of a file.
 *
 * @throws DataError when it is not there, is no file or cannot be read; FormatError when it has more than `most` bytes
 */
export function readBytes(path: string, most: number = MAX_JSON_BYTES): Buffer {
  try {
    const status = statSync(path);
    if (!status.isFile())
      throw new DataError('not-a-file', `${path} is ${status.isDirectory() ? 'a folder' : 'no regular file'}`, {
        remedy: 'Put the file itself there, or name another.',
        fields: { path },
      });
    if (status.size > most)
      throw new FormatError('too-large', `${path} has ${status.size} bytes, and at most ${most} are read`, {
        remedy: 'Check that it is the file that is meant.',
        fields: { path, bytes: status.size, limit: most },
      });
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof DataError || cause instanceof FormatError) throw cause;
    throw cannotRead(path, cause);
  }
}

export interface JsonReading {
  /** What to do about a file that is no JSON. */
  remedy?: string;
  /** The longest file that is read. */
  bytes?: number;
  /** The most values that it may hold. */
  values?: number;
}

/** The value in a JSON file. @throws DataError or FormatError that names the file */
export function readJsonValue(path: string, options: JsonReading = {}): unknown {
  const { remedy = 'Correct the file, or fetch or make it again.', bytes, values } = options;
  const text = decodeUtf8(readBytes(path, bytes), path);
  const excess = jsonExcess(text, values);
  const fields = { path };
  if (excess) throw new FormatError('too-large', `${path} ${excess}, more than is read`, { remedy, fields });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError('not-json', `${path} is not valid JSON: ${(cause as Error).message}`, {
      remedy,
      fields,
      cause,
    });
  }
}
