// The pool has no room for what was to be remembered.
import { TsumugiError } from '../../base/index.ts';

/** Thrown before anything is changed: whoever schedules frees something and comes again. */
export class CacheFull extends TsumugiError {
  override name = 'CacheFull';
  /** @param needed bytes that were asked for, @param free bytes that there are */
  constructor(needed: number, free: number) {
    super('cache-full', `the cache has no room for ${needed} more bytes: ${free} are free`, {
      fields: { needed, free },
    });
  }
}
