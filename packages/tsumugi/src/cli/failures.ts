// How errors reach a person: a mistake of theirs as one sentence and a remedy (exit code 2), a bug of ours with the way to its stack
// (exit code 1).
import type { Writable } from 'node:stream';
import { callerPlace, ownPlace, thrownText, UserError } from '../base/index.ts';

/** Error code of the system → what it means, and what to do. */
const systemFaults: Readonly<Record<string, readonly [fault: string, remedy: string]>> = {
  EACCES: ['permission denied', 'Change its permissions, or name another place.'],
  EPERM: ['not permitted', 'Change its permissions, or name another place.'],
  EROFS: ['the file system is read-only', 'Name a place that can be written to.'],
  ENOSPC: ['the disk is full', 'Make room on it, and run the command again.'],
  EDQUOT: ['the disk quota is used up', 'Make room, and run the command again.'],
  ENOENT: ['no such file or folder', 'Check the path.'],
  ENOTDIR: ['a part of the path is no folder', 'Check the path.'],
  EISDIR: ['that is a folder', 'Name a file.'],
  EEXIST: ['something else is there already', 'Name another place, or remove it yourself.'],
  EMFILE: ['too many open files', 'Raise the limit (ulimit -n), and run the command again.'],
  ELOOP: ['its links lead in a circle', 'Mend the links.'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter one.'],
  EIO: ['the disk reports a fault', 'Check the disk, or name a place on another one.'],
};

/** An error in words, when it is the person's mistake or a fault of the machine; undefined for a bug. */
function explanation(error: unknown): string | undefined {
  // Closing failed as well: the first error is the one to tell.
  if (error instanceof SuppressedError) return explanation(error.suppressed);
  if (!(error instanceof Error)) return undefined;
  if (error instanceof UserError) return error.message;
  // The addon's loader, which cannot import our classes, gives its errors a remedy too.
  if (typeof (error as { remedy?: unknown }).remedy === 'string' && error.name === 'NativeLoadError')
    return error.message;
  const { code, path } = error as NodeJS.ErrnoException;
  const fault = code === undefined ? undefined : systemFaults[code];
  return fault && `${path === undefined ? '' : `${path}: `}${fault[0]}\n  → ${fault[1]}`;
}

/** Writes the error for a person and returns the exit code. */
export function reportError(error: unknown, stderr: Writable, debug: boolean): 1 | 2 {
  const stack = error instanceof Error ? `${stackOf(error)}\n` : '';
  const end = debug ? stack : '';
  const own = ownPlace(error);
  const text = explanation(error);
  if (text !== undefined) {
    // A mistake in a person's own code has a line; one on the command line has none.
    const at = own === undefined ? '' : `\n  at ${own.path}, line ${own.line}`;
    stderr.write(`error: ${text}${at}\n${end}`);
    return 2;
  }
  // Nothing of ours throws what is no Error.
  if (own !== undefined || !(error instanceof Error)) {
    const at = own === undefined ? '' : `${own.path}, line ${own.line}: `;
    const remedy = own === undefined ? 'Throw a new Error(…) instead' : 'This is in a file of your own: mend it there';
    stderr.write(`error: ${at}${thrownText(error)}\n  → ${remedy}.${debug ? '' : ' --debug shows the stack.'}\n${end}`);
    return 2;
  }
  const caller = callerPlace(error);
  const met = caller === undefined ? '' : `, met by ${caller.path}, line ${caller.line}`;
  stderr.write(
    debug
      ? `error: ${stack}`
      : `error: ${error.message}\n  → This is a bug in tsumugi${met}. Run the command again with --debug to see where it happened.\n`,
  );
  return 1;
}

/** Tells of errors that nobody waits for (of a promise that was not awaited, of a timer) like of all others, and ends the process. */
export function reportStrays(stderr: Writable, debug: boolean): void {
  const end = (error: unknown) => process.exit(reportError(error, stderr, debug));
  process.on('unhandledRejection', end);
  process.on('uncaughtException', end);
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
