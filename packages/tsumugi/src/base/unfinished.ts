// What is filled beside its place until it is whole: how it is named, recognised, and removed when a process was killed.
// `model.json.partial-4711` is a file, `model.partial-host-4711-0` a folder, and `….old` the folder it is to replace, while
// the two are exchanged.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';

const NAME = /^(?<place>.*[^/])\.partial-(?:(?<writer>\d+)|(?<host>[^/]+)-(?<pid>\d+)-\d+(?<old>\.old)?)$/;

let made = 0;
/** The folders that this process is filling. */
export const filling = new Set<string>();

/** Where to fill the file `place`. */
export const unfinishedFile = (place: string): string => `${place}.partial-${process.pid}`;

/** Where to fill the folder `place`: another name each time. */
export const unfinishedFolder = (place: string): string => `${place}.partial-${hostname()}-${process.pid}-${made++}`;

/** What is unfinished (`model.partial-…/config.json`) by the name that it was to have. */
export const finishedName = (path: string): string => path.replace(/(?<=[^/])\.partial-[^/]+/g, '');

/** Whether a process of this machine runs; also true for one that belongs to another user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes what is unfinished in a folder and `isLeft`; puts back a folder that was moved aside. Says how many it removed. */
function sweep(
  folder: string,
  recursive: boolean,
  isLeft: (path: string, about: Readonly<Record<string, string>>) => boolean,
): number {
  let removed = 0;
  for (const name of readdirSync(folder, { recursive, encoding: 'utf8' })) {
    const path = join(folder, name);
    const about = NAME.exec(path)?.groups as Record<string, string> | undefined;
    if (!about || !isLeft(path, about)) continue;
    if (about['old'] && existsSync(path) && !existsSync(about['place']!)) {
      renameSync(path, about['place']!);
      continue;
    }
    rmSync(path, { recursive: true, force: true });
    removed++;
  }
  return removed;
}

/**
 * Removes what killed processes left unfinished in a folder, and below it when `recursive`; says how much. For folders that only
 * this process writes to: it holds their lock.
 */
export function removeUnfinished(folder: string, { recursive = false } = {}): number {
  return sweep(folder, recursive, () => true);
}

/** Removes what ended processes of this machine left of the folder `place`, or of a file, whose writers hold its lock. */
export function removeUnfinishedOf(place: string): void {
  sweep(dirname(place), false, (path, { place: of, host = hostname(), pid, writer = pid }) => {
    const isOfPlace = of === place || finishedName(of!) === place; // a folder is filled inside one that is
    if (!isOfPlace || host !== hostname() || filling.has(path.replace(/\.old$/, ''))) return false;
    return Number(writer) === process.pid || !isRunning(Number(writer));
  });
}
