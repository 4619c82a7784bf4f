// A folder that processes on several machines share.
import { UserError } from './errors.ts';

/** What one machine has made, the others may see late. */
export const SEEN_AFTER_SECONDS = 15;

/** What one process has written into `out`, another does not find there. */
export const outNotShared = (fault: string, fields: Readonly<Record<string, unknown>>): UserError =>
  new UserError('out-not-shared', fault, {
    remedy: 'Let out name a folder on a file system that all machines share, and start all ranks again.',
    fields,
  });
