// The place of a result while it is made: two processes that make the same one would take each other's work away.
import { dirname, resolve } from 'node:path';
import { makeFolder, removeUnfinishedOf } from '../base/index.ts';
import { Lock } from './lock.ts';

/**
 * Holds the file or folder `out` for this process until it is disposed, by a lock beside it; what ended processes left unfinished of
 * it is removed.
 *
 * @throws UserError `run-in-use` when another process holds it, or may hold it
 */
export function holdPlace(out: string): Disposable {
  const place = resolve(out);
  makeFolder(dirname(place));
  const lock = new Lock(`${place}.lock`, out);
  removeUnfinishedOf(place);
  return lock;
}
