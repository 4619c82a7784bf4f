// Hashes of large files, kept in the user's cache, each under the file's device and inode, so that folders may be moved or read-only.
// A hash counts only while everything that the file system says of the file is as it was, also the time of change: unlike the time of
// modification (`cp -p`, `touch -d`), it cannot be set. A file that changed within the last seconds gets none: another change within
// the same tick of the clock would not show.
import type { BigIntStats } from 'node:fs';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic.ts';
import { cacheFolder } from './cache-folder.ts';

/** Reading a smaller file takes no longer than looking for its record. */
const LEAST_BYTES = 1n << 20n;
/** The coarsest clock of a file system (FAT) ticks every two seconds. */
const TICK_MS = 2000n;

const place = ({ dev, ino }: BigIntStats): string => join(cacheFolder('hashes'), `${dev}-${ino}`);

/** What tells one state of a file from another, without its content. */
export const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(' ');

/** Whether a file has been as it is for so long that any change would show in its stamp. */
export function isSettled({ mtimeMs, ctimeMs }: BigIntStats): boolean {
  const latest = mtimeMs > ctimeMs ? mtimeMs : ctimeMs;
  return BigInt(Date.now()) - latest > TICK_MS;
}

/** The hash that was kept of a file in this state; undefined when there is none. */
export function recordedHash(status: BigIntStats): string | undefined {
  if (status.size < LEAST_BYTES) return undefined;
  try {
    const [, stamp, hash] =
      /^(\d+ \d+ \d+ -?\d+ -?\d+) ([0-9a-f]{64})\n$/.exec(readFileSync(place(status), 'utf8')) ?? [];
    return stamp === stampOf(status) ? hash : undefined;
  } catch {
    return undefined; // none yet, or no cache that can be read: the file is read instead
  }
}

/** Keeps the hash of a file that was in this state before it was read, and after. */
export function recordHash(status: BigIntStats, hash: string): void {
  if (status.size < LEAST_BYTES) return;
  try {
    writeFileAtomic(place(status), `${stampOf(status)} ${hash}\n`);
  } catch {
    // A full disk or a cache that is not ours costs time at the next use.
  }
}
