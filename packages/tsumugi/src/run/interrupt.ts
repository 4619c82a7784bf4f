// Ctrl-C: the first one asks the loop to save and end, the second one ends the process at once. SIGTERM, which
// Kubernetes and Slurm send before they kill, counts as a first one.

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Those that are open, the innermost last: a loop inside a recipe hears of a signal that came before it began. */
const open: Interrupt[] = [];

export class Interrupt implements Disposable {
  /** The signal that came, if one did. */
  signal: (typeof signals)[number] | undefined;
  readonly #notify: (message: string) => void;

  /** Signals are caught until it is disposed. `notify` tells the user; it prints to standard error unless given. */
  constructor(notify: (message: string) => void = (message) => void process.stderr.write(`${message}\n`)) {
    this.#notify = notify;
    this.signal = open.at(-1)?.signal;
    open.push(this);
    if (this.signal === undefined) for (const signal of signals) process.on(signal, this.#onSignal);
  }

  /** Whether to save and end. Signals are only seen by a loop that yields: call `poll` once in every step. */
  get interrupted(): boolean {
    return this.signal !== undefined;
  }

  /** Lets the event loop run, so that a signal can arrive; then whether to save and end. */
  async poll(): Promise<boolean> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    return this.interrupted;
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.signal = signal as (typeof signals)[number];
    // From now on the system's own handling holds: a second Ctrl-C ends the process even in the middle of a long native
    // call, where no JavaScript could run (a shell shows status 130).
    this.#letGo();
    if (open.at(-1) === this) this.#notify('\nsaving and ending (Ctrl-C again to end at once, without saving)');
  };

  #letGo(): void {
    for (const signal of signals) process.off(signal, this.#onSignal);
  }

  [Symbol.dispose](): void {
    this.#letGo();
    const index = open.indexOf(this);
    if (index >= 0) open.splice(index, 1);
  }
}
