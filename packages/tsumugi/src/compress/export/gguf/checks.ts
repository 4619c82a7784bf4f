// Whether a file can be written where it is to be, before the work begins.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { availableDisk, DataError } from '../../../base/index.ts';

/** @throws DataError when something is there that is no GGUF file */
export function requireTarget(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found || (found.isFile() && (found.size === 0 || startsAsGguf(path)))) return;
  throw new DataError(
    'place-taken',
    `${path} is ${found.isDirectory() ? 'a folder' : 'something else than a GGUF file'}`,
    {
      remedy: found.isDirectory()
        ? `Name a file: --out ${path}/model.gguf`
        : 'Name another file, or remove it yourself.',
      fields: { path },
    },
  );
}

function startsAsGguf(path: string): boolean {
  const start = Buffer.alloc(4);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, start, 0, 4, 0);
  } finally {
    closeSync(descriptor);
  }
  return start.toString('latin1') === 'GGUF';
}

/** @throws DataError when the disk has fewer free bytes */
export function requireRoom(path: string, bytes: number): void {
  const free = availableDisk(dirname(path));
  if (bytes <= free) return;
  const gigabytes = (count: number) => (count / 1e9).toFixed(1);
  throw new DataError('no-room', `${path} takes ${gigabytes(bytes)} GB, and the disk has ${gigabytes(free)} GB left`, {
    remedy: 'Make room, name a place on another disk, or choose a type of fewer bits.',
    fields: { path, bytes, free },
  });
}
