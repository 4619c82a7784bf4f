// A folder that appears whole or not at all: filled beside its place under a temporary name, flushed, then renamed.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fsyncPath } from './atomic.ts';
import { DataError } from './errors.ts';
import { realPlace } from './same-place.ts';
import { filling, removeUnfinishedOf, unfinishedFolder } from './unfinished.ts';
import { makeFolder, writingAt } from './write-fault.ts';

/**
 * Fill the folder `path`, then `commit()`; leaving the block without that removes it:
 *
 *     using staged = new StagedFolder('model');
 *     writeFileSync(join(staged.path, 'config.json'), …);
 *     staged.commit();
 */
export class StagedFolder implements Disposable {
  /** Where the folder will be: where a link leads to, so that the link stays and the disk is the one that was meant. */
  readonly place: string;
  /** Where to fill it. */
  readonly path: string;
  #done = false;

  /**
   * `target` may exist if it is an empty folder or `mayReplace` says so; a text that it gives says what the folder holds besides.
   *
   * @throws DataError otherwise, before anything is done.
   */
  constructor(target: string, mayReplace: (folder: string) => boolean | string = () => false) {
    this.place = realPlace(target);
    makeFolder(dirname(this.place));
    removeUnfinishedOf(this.place);
    const found = statSync(this.place, { throwIfNoEntry: false });
    const isTaken = found && !(found.isDirectory() && readdirSync(this.place).length === 0);
    const may = isTaken && found.isDirectory() && mayReplace(this.place);
    if (isTaken && may !== true) {
      const besides = typeof may === 'string' ? `, besides what would be replaced: ${may}` : '';
      const holds = found.isDirectory() ? `holds something else${besides}` : 'is a file';
      throw new DataError('place-taken', `${target} ${holds}`, {
        remedy: `Name another folder to write to, or ${typeof may === 'string' ? `move ${may} elsewhere` : 'remove it yourself'}.`,
        fields: { path: target },
      });
    }
    this.path = unfinishedFolder(this.place);
    writingAt(target, () => mkdirSync(this.path));
    filling.add(this.path);
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
    filling.delete(this.path);
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
    filling.delete(this.path);
  }
}
