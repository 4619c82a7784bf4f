// Answers on disk, so that an evaluation that is run again asks only what is missing: a file of JSON lines per model. A key is the
// SHA-256 of what determines an answer: the model's fingerprint, the backend's settings, the request. The operating system has a line
// before the next one is asked, so a kill loses one at most. A torn line, also one of two processes at once, is asked again.
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, makeFolder, parseJson, sha256, whyNotWritten } from '../base/index.ts';
import { canonicalJson } from '../store/index.ts';
import type { Backend } from './backend.ts';
import type { Answer, Request } from './request.ts';

/** The key of a request to a backend. */
export function requestKey({ kind, fingerprint, settings }: Backend, request: Request): string {
  return sha256(canonicalJson({ kind, fingerprint, settings, request }));
}

const NEWLINE = 10;

export class AnswerCache implements Disposable {
  readonly path: string;
  readonly #remedy: string;
  readonly #answers = new Map<string, Answer>();
  readonly #descriptor: number;
  #open = true;
  /** Whether the file ends in the middle of a line. */
  #torn: boolean;

  /**
   * Opens the backend's file in `folder`, which is made when it does not exist.
   *
   * @param remedy what to do where answers cannot be kept
   * @throws DataError when it cannot be read or written
   */
  constructor(
    folder: string,
    { kind, fingerprint }: Pick<Backend, 'kind' | 'fingerprint'>,
    remedy = 'Make it a place that can be written to, name another folder with --cache, or keep no answers with --no-cache.',
  ) {
    this.#remedy = remedy;
    this.path = join(folder, `${kind}-${sha256(fingerprint).slice(0, 16)}.jsonl`);
    try {
      makeFolder(folder);
      this.#descriptor = openSync(this.path, 'a+');
      this.#torn = this.#readAll();
    } catch (error) {
      throw this.#cannotKeep(error);
    }
  }

  #cannotKeep(cause: unknown): DataError {
    const because = whyNotWritten(cause) ?? (cause as Error).message;
    return new DataError('cannot-cache', `answers cannot be kept in ${this.path}: ${because}`, {
      remedy: this.#remedy,
      fields: { path: this.path },
      cause,
    });
  }

  get size(): number {
    return this.#answers.size;
  }

  get(key: string): Answer | undefined {
    return this.#answers.get(key);
  }

  /** All that are known. */
  answers(): Iterable<Answer> {
    return this.#answers.values();
  }

  /** Keeps an answer, in memory and in the file. @throws DataError when the file takes no more: what it holds stays good */
  put(key: string, answer: Answer): void {
    if (this.#answers.has(key)) return;
    this.#answers.set(key, answer);
    const line = Buffer.from(`${this.#torn ? '\n' : ''}${JSON.stringify({ key, answer })}\n`);
    this.#torn = false;
    try {
      for (let done = 0; done < line.length; ) done += writeSync(this.#descriptor, line, done);
    } catch (error) {
      this.#torn = true;
      throw this.#cannotKeep(error);
    }
  }

  /** Reads the file line by line: it may be longer than a string can be. Returns whether it ends in the middle of one. */
  #readAll(): boolean {
    const bytes = Buffer.allocUnsafe(1 << 20);
    let rest: Buffer[] = [];
    for (let length = 1; length > 0; ) {
      length = readSync(this.#descriptor, bytes);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0 && end < length; end = bytes.indexOf(NEWLINE, start)) {
        this.#read(Buffer.concat([...rest, bytes.subarray(start, end)]).toString());
        rest = [];
        start = end + 1;
      }
      if (start < length) rest.push(Buffer.from(bytes.subarray(start, length)));
    }
    this.#read(Buffer.concat(rest).toString());
    return rest.length > 0;
  }

  #read(line: string): void {
    if (line === '') return;
    try {
      const { key, answer } = parseJson(line) as { key?: unknown; answer?: unknown };
      if (typeof key === 'string' && typeof answer === 'object' && answer !== null)
        this.#answers.set(key, answer as Answer);
    } catch {
      // The last line of a killed process.
    }
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
  }
}
