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

/** @throws DataError unless a file is still the one that was opened */
export function requireSameFile(path: string, opened: Stats, now: Stats): void {
  if (now.ino === opened.ino && now.size === opened.size && now.mtimeMs === opened.mtimeMs) return;
  throw new DataError('changed', `${path} was changed since it was opened`, {
    remedy: 'Open it again.',
    fields: { path },
  });
}
