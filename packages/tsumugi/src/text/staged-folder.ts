// A folder that appears whole or not at all: filled under a temporary name beside its place, then renamed.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError, fsyncPath } from '../base/index.ts';

/** Removes what earlier processes of this machine left unfinished when they were killed. */
function sweep(prefix: string): void {
  const folder = dirname(prefix);
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(basename(prefix))) continue;
    const process_ = Number(name.slice(basename(prefix).length).split('-')[0]);
    if (Number.isInteger(process_) && process_ > 0 && !isRunning(process_))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isRunning(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

let made = 0;

/**
 * Calls `fill` with an empty temporary folder, then puts that in the place of `target`. A failure leaves `target` as it was.
 * `target` may exist if it is empty or `mayReplace` says so; otherwise a DataError, before anything is done.
 */
export async function stageFolder<T>(
  target: string,
  mayReplace: (folder: string) => boolean,
  fill: (folder: string) => Promise<T>,
): Promise<T> {
  const place = resolve(target);
  const found = statSync(place, { throwIfNoEntry: false });
  if (found && !(found.isDirectory() && (readdirSync(place).length === 0 || mayReplace(place)))) {
    throw new DataError('place-taken', `${target} exists and is not something this would have written`, {
      remedy: 'name another folder to write to, or remove it yourself',
      fields: { path: target },
    });
  }
  mkdirSync(dirname(place), { recursive: true });
  const prefix = `${place}.partial-${hostname()}-`;
  sweep(prefix);
  const temporary = `${prefix}${process.pid}-${made++}`;
  try {
    mkdirSync(temporary);
    const result = await fill(temporary);
    for (const name of readdirSync(temporary)) fsyncPath(join(temporary, name));
    fsyncPath(temporary);
    // A folder cannot be renamed onto a filled one: the old one is moved away first, and put back should the second step fail.
    const old = `${temporary}.old`;
    if (found) renameSync(place, old);
    try {
      renameSync(temporary, place);
    } catch (error) {
      if (found) renameSync(old, place);
      throw error;
    }
    fsyncPath(dirname(place));
    rmSync(old, { recursive: true, force: true });
    return result;
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}
