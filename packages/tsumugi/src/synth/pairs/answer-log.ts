// The answers on disk, a line for each prompt, in the order of the prompts. They are written a group at a time; after a kill at whatever
// place the file is cut after its last whole group, so that the next attempt samples the same groups as one that never stopped.
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { DataError, writingAt } from '../../base/index.ts';
import { listRowFiles, readRows } from '../../text/index.ts';

export interface KeptAnswer {
  text: string;
  /** Whether the model ended it. */
  finished: boolean;
  tokens: number;
  /** ln p of the whole answer. */
  logprob: number;
  /** null: it was cut off, or says nothing, or got no score. */
  score: number | null;
  /** Why it got none. */
  failure?: string;
}

export interface AnsweredPrompt {
  /** The prompt's place. */
  prompt: number;
  answers: KeptAnswer[];
}

const NEWLINE = 10;

export class AnswerLog implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  /** Prompts that are answered. */
  done: number;

  /**
   * @param heading what the answers follow from; it stands in the first line
   * @param group prompts that are written at a time
   * @throws DataError when there are answers of other settings; UserError when it cannot be written
   */
  constructor(path: string, heading: string, { group, prompts }: { group: number; prompts: number }) {
    this.path = path;
    const first = `${JSON.stringify({ heading })}\n`;
    this.#descriptor = writingAt(path, () => openSync(path, 'a+'));
    try {
      const ends = lineEnds(this.#descriptor);
      if (ends.length > 0 && this.#begins(ends[0]!) !== first)
        throw new DataError('other-answers', `${path} holds answers of other settings, prompts or another model`, {
          remedy: 'Name another folder, or remove the file.',
          fields: { path },
        });
      const lines = Math.max(0, ends.length - 1);
      this.done = lines >= prompts ? prompts : lines - (lines % group);
      writingAt(path, () => ftruncateSync(this.#descriptor, ends[this.done] ?? 0));
      if (ends.length === 0) this.#append(first);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Adds a whole group. @throws UserError when the disk takes no more: what was there stays */
  add(group: readonly AnsweredPrompt[]): void {
    this.#append(group.map((answered) => `${JSON.stringify(answered)}\n`).join(''));
    this.done += group.length;
  }

  #begins(length: number): string {
    const bytes = Buffer.alloc(length);
    readSync(this.#descriptor, bytes, 0, length, 0);
    return bytes.toString();
  }

  #append(text: string): void {
    const bytes = Buffer.from(text);
    writingAt(this.path, () => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
      fsyncSync(this.#descriptor);
    });
  }

  /** All that are there, in order. */
  async *read(): AsyncGenerator<AnsweredPrompt> {
    const [file] = listRowFiles([this.path]);
    for await (const { value } of readRows(file!, []))
      if (!('heading' in value)) yield value as unknown as AnsweredPrompt;
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** Places after each newline of a file, which may be longer than a string can be. */
function lineEnds(descriptor: number): number[] {
  const bytes = Buffer.allocUnsafe(1 << 20);
  const ends: number[] = [];
  for (let from = 0, length = 1; length > 0; from += length) {
    length = readSync(descriptor, bytes, 0, bytes.length, from);
    const read = bytes.subarray(0, length);
    for (let at = read.indexOf(NEWLINE); at >= 0; at = read.indexOf(NEWLINE, at + 1)) ends.push(from + at + 1);
  }
  return ends;
}
