// A file that is written in pieces and appears whole or not at all, hashed on the way.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DataError, fsyncPath, makeFolder } from '../base/index.ts';

/** What was written: `bytes` long, with its SHA-256 in hexadecimal. */
export interface WrittenFile {
  path: string;
  bytes: number;
  sha256: string;
}

function cannotWrite(path: string, cause: unknown): DataError {
  return new DataError('cannot-write', `cannot write ${path}: ${(cause as Error).message}`, {
    remedy: 'Free space on the disk, or write to another place.',
    fields: { path },
    cause,
  });
}

/** Leaving the block without `commit()` removes what was written. */
export class OutputFile implements Disposable {
  readonly path: string;
  readonly #temporary: string;
  readonly #descriptor: number;
  readonly #hash: Hash = createHash('sha256');
  #bytes = 0;
  #open = true;

  constructor(path: string) {
    this.path = path;
    this.#temporary = join(dirname(path), `${basename(path)}.partial-${process.pid}`);
    try {
      makeFolder(dirname(path));
      this.#descriptor = openSync(this.#temporary, 'w');
    } catch (cause) {
      throw cannotWrite(path, cause);
    }
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
    } catch (cause) {
      throw cannotWrite(this.path, cause);
    }
    this.#bytes += bytes.length;
  }

  /** Flushes to the disk and puts the file in its place. */
  commit(): WrittenFile {
    fsyncSync(this.#descriptor);
    this.#close();
    try {
      renameSync(this.#temporary, this.path);
    } catch (error) {
      rmSync(this.#temporary, { force: true });
      throw error;
    }
    fsyncPath(dirname(this.path));
    return { path: this.path, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  #close(): void {
    this.#open = false;
    closeSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#close();
    rmSync(this.#temporary, { force: true });
  }
}
