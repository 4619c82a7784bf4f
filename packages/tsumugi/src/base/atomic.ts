// Files that appear whole or not at all: written beside their place, flushed to the disk, then renamed.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
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

/** Writes `data` to `path` so that a reader sees the old content or the new, never a part. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  makeFolder(dirname(path));
  const temporary = `${path}.partial-${process.pid}`;
  writingAt(path, () => {
    try {
      writeFileSync(temporary, data, { flush: true });
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    fsyncPath(dirname(path));
  });
}
