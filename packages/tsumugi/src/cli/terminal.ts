// Asking a person for lines at a terminal, with history and editing, while something else writes between the questions.
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Io } from './io.ts';

/** Where turns of a dialogue come from. */
export interface LineSource extends Disposable {
  /** The next line, or undefined when there is no more. */
  ask(prompt: string): Promise<string | undefined>;
  /** Calls `handler` when the person presses Ctrl-C, until the next question. */
  onInterrupt(handler: () => void): void;
}

export class Terminal implements LineSource {
  readonly #readline: Interface;
  /** Lines that came before they were asked for, e.g. pasted ones. */
  readonly #early: string[] = [];
  #waiting: ((line: string | undefined) => void) | undefined;
  #interrupt: (() => void) | undefined;
  #closed = false;

  constructor({ stdin, stdout }: Io) {
    // What is typed while something else writes is kept for the next question, but not shown in the middle of it.
    const echo = new Writable({
      write: (chunk, _encoding, done) => {
        if (this.#waiting) stdout.write(chunk);
        done();
      },
    });
    Object.defineProperty(echo, 'columns', { get: () => stdout.columns ?? 80 });
    this.#readline = createInterface({ input: stdin, output: echo, terminal: true, removeHistoryDuplicates: true });
    this.#readline.on('line', (line) => {
      if (this.#waiting) this.#answer(line);
      else this.#early.push(line);
    });
    this.#readline.on('close', () => {
      this.#closed = true;
      this.#answer(undefined);
    });
    this.#readline.on('SIGINT', () => {
      if (this.#interrupt) this.#interrupt();
      else this.#readline.close();
    });
  }

  #answer(line: string | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(line);
  }

  ask(prompt: string): Promise<string | undefined> {
    this.#interrupt = undefined;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiting = resolve;
    const early = this.#early.shift();
    if (early === undefined && this.#closed) this.#answer(undefined);
    else {
      this.#readline.setPrompt(prompt);
      this.#readline.prompt(true);
      if (early !== undefined) {
        this.#readline.write(early);
        this.#readline.write('\n');
      }
    }
    return promise;
  }

  onInterrupt(handler: () => void): void {
    this.#interrupt = handler;
  }

  [Symbol.dispose](): void {
    this.#readline.close();
  }
}
