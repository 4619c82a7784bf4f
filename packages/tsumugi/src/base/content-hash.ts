// What identifies a file or a folder: the SHA-256 of its content. Large files are read once, and again when they may have
// changed (hash-record.ts); in between other work goes on, so Ctrl-C is heard.
import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { DataError } from './errors.ts';
import { isSettled, recordedHash, recordHash, stampOf } from './hash-record.ts';
import { cannotRead } from './read-file.ts';
import { pieces, sha256 } from './sha256.ts';
import { walkFiles } from './walk-files.ts';

export interface ContentHashOptions {
  /** Told when it takes long, in a line. Standard error unless given. */
  report?: ((line: string) => void) | undefined;
}

const SECONDS_UNTIL_REPORT = 2;
const ATTEMPTS = 3;

const toStandardError = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * SHA-256, in hexadecimal, of what a file holds; of a folder, of the names and hashes of the files in it, hidden ones apart.
 * Links are followed.
 *
 * @throws DataError when it is not there, cannot be read, or is written to meanwhile
 */
export async function contentHash(path: string, options: ContentHashOptions = {}): Promise<string> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return fileHash(path, options);
  const files: [name: string, hash: string][] = [];
  for (const file of walkFiles(path).files) files.push([file.name, await fileHash(file.path, options)]);
  return filesHash(files);
}

/** The hash of files that belong together, from the name and the hash of each. */
export const filesHash = (files: readonly (readonly [name: string, hash: string])[]): string =>
  sha256(JSON.stringify([...files].sort(([a], [b]) => (a < b ? -1 : 1))));

async function fileHash(path: string, { report = toStandardError }: ContentHashOptions): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const hash = await hashOnce(path, report);
    if (hash !== undefined) return hash;
  }
  throw new DataError('file-changes', `${path} is being written: it changed each time while it was read`, {
    remedy: 'Wait until it is complete.',
    fields: { path },
  });
}

/** Undefined when the file changed while it was read. */
async function hashOnce(path: string, report: (line: string) => void): Promise<string | undefined> {
  const descriptor = open(path);
  try {
    const before = fstatSync(descriptor, { bigint: true });
    const settled = isSettled(before);
    const kept = settled ? recordedHash(before) : undefined;
    if (kept !== undefined) return kept;
    const { hash, bytes } = await readWhole(descriptor, path, before, report);
    const after = fstatSync(descriptor, { bigint: true });
    if (stampOf(after) !== stampOf(before) || bytes !== Number(before.size)) return undefined;
    if (settled) recordHash(before, hash);
    return hash;
  } finally {
    closeSync(descriptor);
  }
}

async function readWhole(descriptor: number, path: string, { size }: BigIntStats, report: (line: string) => void) {
  const hash = createHash('sha256');
  const began = performance.now();
  let bytes = 0;
  let told = false;
  for (const piece of pieces(descriptor)) {
    hash.update(piece);
    bytes += piece.length;
    await setImmediate();
    if (told || performance.now() - began < 1000 * SECONDS_UNTIL_REPORT) continue;
    told = true;
    report(`hashing ${path} (${(Number(size) / 1e9).toFixed(1)} GB), once as long as it does not change`);
  }
  return { hash: hash.digest('hex'), bytes };
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}
