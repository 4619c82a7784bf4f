// Files of 32-bit words (token ids, records), written and read from front to back through a buffer. Little-endian, as is every
// machine that libtorch runs on here.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { DataError, writingAt } from '../../base/index.ts';

/** Words of a buffer unless another one is given: 1 MiB. */
export const BUFFER_WORDS = 1 << 18;

const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

export class WordWriter implements Disposable {
  readonly #place: string;
  readonly #buffer: Uint32Array;
  readonly #hash: Hash | undefined;
  #descriptor: number | undefined;
  #filled = 0;
  #words = 0;

  /**
   * @param place named when it cannot be written
   * @param options.buffer work space, which may pass from one writer to the next; `hash`: whether `finish` gives the SHA-256
   */
  constructor(place: string, path: string, options: { buffer?: Uint32Array; hash?: boolean } = {}) {
    this.#place = place;
    this.#buffer = options.buffer ?? new Uint32Array(BUFFER_WORDS);
    this.#hash = options.hash ? createHash('sha256') : undefined;
    this.#descriptor = writingAt(place, () => openSync(path, 'wx'));
  }

  /** Words so far. */
  get words(): number {
    return this.#words;
  }

  push(word: number): void {
    if (this.#filled === this.#buffer.length) this.#flush();
    this.#buffer[this.#filled++] = word;
    this.#words++;
  }

  write(words: Uint32Array | readonly number[]): void {
    for (let from = 0; from < words.length; ) {
      if (this.#filled === this.#buffer.length) this.#flush();
      const length = Math.min(words.length - from, this.#buffer.length - this.#filled);
      // A list of ids is copied word by word: `slice` and `set` would pass over it twice.
      if (words instanceof Uint32Array) this.#buffer.set(words.subarray(from, from + length), this.#filled);
      else for (let i = 0; i < length; i++) this.#buffer[this.#filled + i] = words[from + i]!;
      this.#filled += length;
      from += length;
    }
    this.#words += words.length;
  }

  /** Writes what is left and closes the file. Returns its SHA-256 where that was asked for, or nothing. */
  finish(): string {
    this.#flush();
    this[Symbol.dispose]();
    return this.#hash?.digest('hex') ?? '';
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #flush(): void {
    const bytes = bytesOf(this.#buffer.subarray(0, this.#filled));
    writingAt(this.#place, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor!, bytes, at);
    });
    this.#hash?.update(bytes);
    this.#filled = 0;
  }
}

/** Reads files one behind the other, of which one is open at a time. */
export class WordReader implements Disposable {
  readonly #paths: readonly string[];
  readonly #buffer: Uint32Array;
  #file = 0;
  #descriptor: number | undefined;
  #at = 0;
  #filled = 0;

  constructor(paths: readonly string[], bufferWords = BUFFER_WORDS) {
    this.#paths = paths;
    this.#buffer = new Uint32Array(bufferWords);
  }

  /** The next words, `most` or fewer, as a view that is valid until the next call; none at the end. */
  next(most: number): Uint32Array {
    if (this.#at === this.#filled) this.#fill();
    const length = Math.min(most, this.#filled - this.#at);
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  /** Exactly `count` words handed on in pieces. */
  pass(count: number, to: (words: Uint32Array) => void): void {
    for (let left = count; left > 0; ) {
      const words = this.next(left);
      if (words.length === 0) throw this.#cutOff();
      to(words);
      left -= words.length;
    }
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #fill(): void {
    const bytes = bytesOf(this.#buffer);
    this.#at = 0;
    this.#filled = 0;
    let filled = 0;
    while (filled < bytes.length && this.#file < this.#paths.length) {
      this.#descriptor ??= openSync(this.#paths[this.#file]!, 'r');
      const length = readSync(this.#descriptor, bytes, filled, bytes.length - filled, null);
      filled += length;
      if (length > 0) continue;
      if (filled % 4 !== 0) throw this.#cutOff();
      this[Symbol.dispose]();
      this.#file++;
    }
    this.#filled = filled / 4;
  }

  #cutOff(): DataError {
    const path = this.#paths[Math.min(this.#file, this.#paths.length - 1)]!;
    return new DataError('input-changed', `${path} was cut off while it was read`, {
      remedy: 'Prepare it again once nothing writes to it.',
      fields: { path },
    });
  }
}
