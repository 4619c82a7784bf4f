// The account of a load: what was sent, and what became of each request.

/** Every request ends as one of these. */
export const ends = ['answered', 'cancelled', 'refused as busy', 'refused as wrong'] as const;
export type End = (typeof ends)[number];

export class Ledger {
  /** Requests by their id, as sent in `x-request-id`; undefined while they are open. */
  readonly #requests = new Map<string, End | undefined>();
  readonly #answers = new Set<string>();
  readonly faults: string[] = [];

  /** A new request's id. */
  open(kind: string): string {
    const id = `${kind}-${this.#requests.size}`;
    this.#requests.set(id, undefined);
    return id;
  }

  close(id: string, end: End): void {
    if (!this.#requests.has(id) || this.#requests.get(id) !== undefined) this.fault(`${id} ended twice`);
    this.#requests.set(id, end);
  }

  /** The answer's own id, which no other answer may have. */
  answer(id: string): void {
    if (this.#answers.has(id)) this.fault(`two answers are called ${id}`);
    this.#answers.add(id);
  }

  fault(what: string): void {
    if (this.faults.length < 20) this.faults.push(what);
    else if (this.faults.length === 20) this.faults.push('…');
  }

  get sent(): number {
    return this.#requests.size;
  }

  count(end: End): number {
    return [...this.#requests.values()].filter((each) => each === end).length;
  }

  /** What is wrong with the account, beside the server's log, in which each request has one line. */
  check(logged: readonly unknown[]): string[] {
    const faults = [...this.faults];
    const lines = new Map<unknown, number>();
    for (const id of logged) lines.set(id, (lines.get(id) ?? 0) + 1);
    for (const [id, end] of this.#requests) {
      if (end === undefined) faults.push(`${id} was never answered`);
      const times = lines.get(id) ?? 0;
      if (times !== 1) faults.push(`${id} stands in the log ${times} times`);
    }
    return faults;
  }
}
