// A limit of tokens: what may still be asked, counting what is on its way as if it were as long as it can be.

export class Budget {
  readonly #most: number;
  readonly used = { read: 0, write: 0 };
  #reserved = 0;

  constructor(most: number = Infinity) {
    this.#most = most;
  }

  get total(): number {
    return this.used.read + this.used.write;
  }

  /** Sets tokens aside; false when they would be too many. */
  reserve(tokens: number): boolean {
    if (this.total + this.#reserved + tokens > this.#most) return false;
    this.#reserved += tokens;
    return true;
  }

  /** What was set aside was used, or was not. */
  settle(reserved: number, used: { read: number; write: number } = { read: 0, write: 0 }): void {
    this.#reserved -= reserved;
    this.count(used);
  }

  count({ read, write }: { read: number; write: number }): void {
    this.used.read += read;
    this.used.write += write;
  }
}
