// Files that appear whole or not at all: written beside their place, flushed to the disk, then renamed.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { unfinishedFile } from './unfinished.ts';
import { makeFolder, writingAt } from './write-fault.ts';

/** Flushes a file or folder to the disk. */
export function fsyncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Lets `make` make something beside `path`, then puts it there: a reader sees the old or the new, never a part. */
export function placeAtomic(path: string, make: (temporary: string) => void): void {
  const temporary = unfinishedFile(path);
  writingAt(path, () => {
    try {
      make(temporary);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/** Writes `data` to `path` so that a reader sees the old content or the new, never a part. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  makeFolder(dirname(path));
  placeAtomic(path, (temporary) => writeFileSync(temporary, data, { flush: true }));
  writingAt(path, () => fsyncPath(dirname(path)));
}
