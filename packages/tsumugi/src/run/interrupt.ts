// Ctrl-C: the first one asks the loop to save and end, the second one ends the process at once. SIGTERM, which
// Kubernetes and Slurm send before they kill, counts as a first one.
import { guardSignals, releaseSignals } from '../torch/index.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Those that are open, the innermost last: a loop inside a recipe hears of a signal that came before it began. */
const open: Interrupt[] = [];

export class Interrupt implements Disposable {
  /** The signal that came, if one did. */
  signal: (typeof signals)[number] | undefined;
  readonly #notify: (message: string) => void;
  /** Whether the addon, too, watches for a second one: it also tells of it when the first one comes. */
  readonly #guarded: boolean = false;

  /** Signals are caught until it is disposed. `notify` tells the user; it prints to standard error unless given. */
  constructor(notify: (message: string) => void = (message) => void process.stderr.write(`${message}\n`)) {
    this.#notify = notify;
    this.signal = open.at(-1)?.signal;
    open.push(this);
    if (this.signal !== undefined) return;
    for (const signal of signals) process.on(signal, this.#onSignal);
    this.#guarded = guardSignals();
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
    // From now on the system's own handling holds: a second Ctrl-C ends the process (a shell shows status 130).
    this.#letGo();
    const again = this.#guarded ? '' : ' (Ctrl-C again to end at once, without saving)';
    if (open.at(-1) === this) this.#notify(`\nsaving and ending${again}`);
  };

  #letGo(): void {
    if (open.every((interrupt) => interrupt === this || interrupt.signal !== undefined)) releaseSignals();
    for (const signal of signals) process.off(signal, this.#onSignal);
  }

  [Symbol.dispose](): void {
    this.#letGo();
    const index = open.indexOf(this);
    if (index >= 0) open.splice(index, 1);
  }
}
