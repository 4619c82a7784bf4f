// A file that is written in pieces and appears whole or not at all, hashed on the way.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fsyncPath, makeFolder, unfinishedFile, writingAt } from '../base/index.ts';

/** What was written: `bytes` long, with its SHA-256 in hexadecimal. */
export interface WrittenFile {
  path: string;
  bytes: number;
  sha256: string;
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
    this.#temporary = unfinishedFile(path);
    makeFolder(dirname(path));
    this.#descriptor = writingAt(path, () => openSync(this.#temporary, 'w'));
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    writingAt(this.path, () => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
    });
    this.#bytes += bytes.length;
  }

  /** Flushes to the disk and puts the file in its place. */
  commit(): WrittenFile {
    writingAt(this.path, () => {
      fsyncSync(this.#descriptor);
      renameSync(this.#temporary, this.path);
    });
    this.#close();
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
