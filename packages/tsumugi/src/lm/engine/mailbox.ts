// What callbacks bring, to be taken out by one `for await`.

export class Mailbox<T, R> {
  readonly #ready: T[] = [];
  #end: { result: R } | { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#ready.push(item);
    this.#wake?.();
  }

  /** Nothing more comes. */
  end(result: R): void {
    this.#end = { result };
    this.#wake?.();
  }

  /** Nothing more comes, since something went wrong. */
  fail(error: unknown): void {
    this.#end = { error };
    this.#wake?.();
  }

  /** Ends it at once: what was not taken out yet is dropped. */
  abort(reason: unknown): void {
    this.#ready.length = 0;
    this.#end = { error: reason };
    this.#wake?.();
  }

  async *items(): AsyncGenerator<T, R> {
    for (;;) {
      while (this.#ready.length > 0) yield this.#ready.shift()!;
      if (this.#end && 'error' in this.#end) throw this.#end.error;
      if (this.#end) return this.#end.result;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
