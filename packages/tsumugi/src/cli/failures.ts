// How errors reach a person: mistakes in what was asked for as one sentence and a remedy (exit code 2), bugs with the way
// to their stack (exit code 1).
import type { Writable } from 'node:stream';
import { UserError } from '../base/index.ts';

const systemFaults: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'that is a folder',
  EEXIST: 'something else is there already',
  EMFILE: 'too many open files',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
};

/** What an error means to a person, when it is a mistake or a fault of the surroundings; undefined for a bug. */
function explanation(error: unknown): string | undefined {
  // Something could not be closed after it had failed already: what failed first is what is told.
  if (error instanceof SuppressedError) return explanation(error.suppressed);
  if (!(error instanceof Error)) return undefined;
  if (error instanceof UserError) return error.message;
  // The addon's loader, which cannot import our classes, gives its errors a remedy too.
  if (typeof (error as { remedy?: unknown }).remedy === 'string' && error.name === 'NativeLoadError')
    return error.message;
  const { code, path } = error as NodeJS.ErrnoException;
  const fault = code === undefined ? undefined : systemFaults[code];
  return fault === undefined ? undefined : `${path === undefined ? '' : `${path}: `}${fault}`;
}

/** Writes the error for a person and returns the exit code. */
export function reportError(error: unknown, stderr: Writable, debug: boolean): 1 | 2 {
  const text = explanation(error);
  const stack = error instanceof Error ? stackOf(error) : String(error);
  if (text !== undefined) {
    stderr.write(`error: ${text}\n${debug ? `${stack}\n` : ''}`);
    return 2;
  }
  const message = error instanceof Error ? error.message : String(error);
  stderr.write(
    debug
      ? `error: ${stack}\n`
      : `error: ${message}\n  → This is a bug in tsumugi. Run the command again with --debug to see where it happened.\n`,
  );
  return 1;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
