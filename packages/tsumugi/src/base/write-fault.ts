// What goes wrong when something is written, for people: the place, the reason, and what to do. The file system's own errors
// lack the place (a full disk), or blame the wrong thing (Node calls a folder that cannot be made on a read-only file system
// missing, and asks for ever for one below /proc).
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from './errors.ts';
import { finishedName } from './unfinished.ts';

/** Code of the system → what it means, and what to do. */
const FAULTS: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  EACCES: ['permission denied', 'Change the permissions of the folder, or name a place that can be written to.'],
  EPERM: [
    'the system does not permit it',
    'Change the permissions of the folder, or name a place that can be written to.',
  ],
  EROFS: ['the file system is read-only', 'Name a place that can be written to.'],
  ENOSPC: ['the disk is full', 'Make room on it, or name a place on another disk, and run the command again.'],
  EDQUOT: [
    'the quota of the disk is used up',
    'Make room, or name a place on another disk, and run the command again.',
  ],
  EFBIG: ['the file would be larger than the file system takes', 'Name a place on another file system.'],
  EOPNOTSUPP: ['the file system cannot do that', 'Name a place on another file system.'],
  ENOSYS: ['the file system cannot do that', 'Name a place on another file system.'],
  EIO: ['the disk reports a fault', 'Check the disk, or name a place on another one.'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter one.'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'Check the path.'],
  EISDIR: ['it is a folder', 'Name a file.'],
  ELOOP: ['its links lead in a circle', 'Mend the links.'],
  EMFILE: ['too many files are open', 'Raise the limit (ulimit -n), and run the command again.'],
  EEXIST: ['something else is there that is no folder', 'Name another place, or remove it yourself.'],
  ENOENT: ['the folder it should be in is not there and cannot be made', 'Check the path.'],
};

const CANNOT_WRITE = 'cannot-write';

/** The code of the system that is behind an error; undefined when it is no fault of the file system. */
function systemCode(error: unknown): string | undefined {
  if (error instanceof UserError) return error.code === CANNOT_WRITE ? String(error.fields['code']) : undefined;
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/**
 * The error as one for people, when it is a fault of the file system; otherwise the error itself. Of places inside one another
 * the outermost is told, and what is unfinished by the name that it was to have: the other one is gone.
 */
export function explained(error: unknown, place: string): unknown {
  const code = systemCode(error);
  const fault = code === undefined ? undefined : FAULTS[code];
  if (!fault) return error;
  const [reason, remedy] = fault;
  return new UserError(CANNOT_WRITE, `${finishedName(place)} cannot be written: ${reason}`, {
    remedy,
    fields: { path: finishedName(place), code },
    cause: error,
  });
}

/** Why something could not be written, as the end of a sentence; undefined when that is no fault of the file system. */
export function whyNotWritten(error: unknown): string | undefined {
  return FAULTS[systemCode(error) ?? '']?.[0];
}

/** Does `body`, which writes at `place`. @throws UserError that names the place when the file system refuses */
export function writingAt<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw explained(error, place);
  }
}

/** Makes a folder and those above it; true when it was not there. @throws UserError that names it when it cannot be made */
export function makeFolder(folder: string): boolean {
  return writingAt(folder, () => {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
    const missing: string[] = [];
    let place = resolve(folder);
    for (; statSync(place, { throwIfNoEntry: false }) === undefined; place = dirname(place)) missing.push(place);
    for (const each of missing.reverse()) makeOne(each);
    // Something else stands there.
    if (missing.length === 0) throw Object.assign(new Error(`${folder} is no folder`), { code: 'EEXIST' });
    return true;
  });
}

/** Another process may have made it in the meantime. */
function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
