// The room on a disk.
import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from './errors.ts';

/** Free bytes where a folder is or will be. */
export function availableDisk(folder: string): number {
  let place = resolve(folder);
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}

/**
 * @param out what will be written: a file or folder
 * @throws UserError `disk-full` when its disk has fewer free bytes
 */
export function requireRoom(out: string, bytes: number, remedy = 'Free some space, or write to another disk.'): void {
  const free = availableDisk(out);
  if (bytes < free) return;
  const gb = (count: number) => `${(count / 1e9).toPrecision(3)} GB`;
  throw new UserError('disk-full', `writing takes ${gb(bytes)} of disk, and ${gb(free)} are free at ${out}`, {
    remedy,
    fields: { path: out, bytes, free },
  });
}
