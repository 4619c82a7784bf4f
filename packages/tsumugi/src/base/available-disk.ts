// The room on a disk.
import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Free bytes where a folder is or will be. */
export function availableDisk(folder: string): number {
  let place = resolve(folder);
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}
