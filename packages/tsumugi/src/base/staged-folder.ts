// A folder that appears whole or not at all: filled beside its place under a temporary name, flushed, then renamed.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fsyncPath } from './atomic.ts';
import { DataError } from './errors.ts';
import { makeFolder, writingAt } from './write-fault.ts';

let made = 0;
const open = new Set<string>();

/** Whether a process of this machine runs; also true for one that belongs to another user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes what earlier processes of this machine left unfinished at `place`; puts back a folder they had moved aside. */
function sweep(place: string, prefix: string): void {
  const folder = dirname(place);
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(basename(prefix)) || open.has(join(folder, name).replace(/\.old$/, ''))) continue;
    const pid = Number(name.slice(basename(prefix).length).split('-')[0]);
    if (!Number.isInteger(pid) || pid <= 0 || (pid !== process.pid && isRunning(pid))) continue;
    if (name.endsWith('.old') && !statSync(place, { throwIfNoEntry: false })) renameSync(join(folder, name), place);
    else rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/**
 * Fill the folder `path`, then `commit()`; leaving the block without that removes it:
 *
 *     using staged = new StagedFolder('model');
 *     writeFileSync(join(staged.path, 'config.json'), …);
 *     staged.commit();
 */
export class StagedFolder implements Disposable {
  /** Where the folder will be. */
  readonly place: string;
  /** Where to fill it. */
  readonly path: string;
  #done = false;

  /**
   * `target` may exist if it is an empty folder or `mayReplace` says so.
   *
   * @throws DataError otherwise, before anything is done.
   */
  constructor(target: string, mayReplace: (folder: string) => boolean = () => false) {
    this.place = resolve(target);
    makeFolder(dirname(this.place));
    const prefix = `${this.place}.partial-${hostname()}-`;
    sweep(this.place, prefix);
    const found = statSync(this.place, { throwIfNoEntry: false });
    if (found && !(found.isDirectory() && (readdirSync(this.place).length === 0 || mayReplace(this.place))))
      throw new DataError('place-taken', `${target} ${found.isDirectory() ? 'holds something else' : 'is a file'}`, {
        remedy: 'Name another folder to write to, or remove it yourself.',
        fields: { path: target },
      });
    this.path = `${prefix}${process.pid}-${made++}`;
    writingAt(target, () => mkdirSync(this.path));
    open.add(this.path);
  }

  /** Flushes the files to the disk and puts the folder in its place, in the stead of what was there. */
  commit(): void {
    // A folder cannot be renamed onto a filled one: the old one is moved aside first, and put back should the second
    // step fail (or, after a kill, by the next sweep).
    const old = `${this.path}.old`;
    writingAt(this.place, () => {
      for (const name of readdirSync(this.path, { recursive: true })) fsyncPath(join(this.path, name.toString()));
      fsyncPath(this.path);
      const replaces = statSync(this.place, { throwIfNoEntry: false }) !== undefined;
      if (replaces) renameSync(this.place, old);
      try {
        renameSync(this.path, this.place);
      } catch (error) {
        if (replaces) renameSync(old, this.place);
        throw error;
      }
    });
    this.#done = true;
    open.delete(this.path);
    try {
      writingAt(this.place, () => fsyncPath(dirname(this.place)));
    } finally {
      rmSync(old, { recursive: true, force: true });
    }
  }

  /** Removes the unfinished folder, unless it was committed. */
  [Symbol.dispose](): void {
    if (this.#done) return;
    this.#done = true;
    rmSync(this.path, { recursive: true, force: true });
    open.delete(this.path);
  }
}
