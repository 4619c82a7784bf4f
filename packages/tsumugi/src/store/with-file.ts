// A file that is read in pieces and closed in any case.
import { closeSync, fstatSync, openSync, type Stats } from 'node:fs';
import { cannotRead, DataError, synchronous } from '../base/index.ts';

/** What `read` makes of an open file. @throws DataError when it cannot be opened or is no file; whatever `read` throws */
export function withFile<T>(path: string, read: (descriptor: number, status: Stats) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (cause) {
    throw cannotRead(path, cause);
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile())
      throw new DataError('not-a-file', `${path} is not a file`, {
        remedy: 'Put the file itself there, or name another.',
        fields: { path },
      });
    return synchronous('withFile', read, descriptor, status);
  } finally {
    closeSync(descriptor);
  }
}
