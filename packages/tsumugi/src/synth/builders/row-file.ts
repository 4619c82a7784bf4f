// A file of JSON lines that is written row by row.
import { closeSync, openSync, writeSync } from 'node:fs';
import { writingAt } from '../../base/index.ts';

const BUFFER_CHARACTERS = 1 << 19;

export class RowFile implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  #lines: string[] = [];
  #length = 0;
  #open = true;

  constructor(path: string) {
    this.path = path;
    this.#descriptor = writingAt(path, () => openSync(path, 'wx'));
  }

  write(row: object): void {
    const line = `${JSON.stringify(row)}\n`;
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#length >= BUFFER_CHARACTERS) this.flush();
  }

  /** Writes what is in memory still. */
  flush(): void {
    const bytes = Buffer.from(this.#lines.join(''));
    writingAt(this.path, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    });
    [this.#lines, this.#length] = [[], 0];
  }

  /** Closes the file; what was not flushed is lost. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#descriptor);
  }
}
