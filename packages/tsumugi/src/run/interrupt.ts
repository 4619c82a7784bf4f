// Ctrl-C: the first one asks the loop to save and end, the second one ends the process at once. SIGTERM, which
// Kubernetes and Slurm send before they kill, counts as a first one. SIGHUP, of a terminal that was closed, asks the same;
// it often comes twice, and beside the others, so it never ends anything at once. Under nohup it means nothing.
import { honourNohup, noteSignal, steady } from '../base/index.ts';
import { guardSignals, releaseSignals } from '../torch/index.ts';

const keys = ['SIGINT', 'SIGTERM'] as const;
type Ending = (typeof keys)[number] | 'SIGHUP';

/** Those that are open, the innermost last: a loop inside a recipe hears of a signal that came before it began. */
const open: Interrupt[] = [];

/** Thrown out of work that a signal stopped half-way. What it was for is done again when the run goes on. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

export class Interrupt implements Disposable {
  /** The signal that came, if one did. */
  signal: Ending | undefined;
  readonly #notify: (message: string) => void;
  /** Whether the addon, too, watches for a second one: it also tells of it when the first one comes. */
  readonly #guarded: boolean = false;

  /** Signals are caught until it is disposed. `notify` tells the user; it prints to standard error unless given. */
  constructor(notify: (message: string) => void = (message) => void steady(process.stderr).write(`${message}\n`)) {
    this.#notify = notify;
    this.signal = open.at(-1)?.signal;
    if (open.length === 0) noteSignal(undefined);
    open.push(this);
    if (!honourNohup()) process.on('SIGHUP', this.#onHangUp);
    if (this.signal !== undefined) return;
    for (const signal of keys) process.on(signal, this.#onKey);
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

  /** A place at which long work can be stopped. @throws Interrupted when a signal came */
  readonly pause = async (): Promise<void> => {
    if (await this.poll()) throw new Interrupted('a signal asked to end');
  };

  readonly #onHangUp = (): void => {
    if (this.signal !== undefined) return;
    this.#heard('SIGHUP', '');
  };

  readonly #onKey = (signal: NodeJS.Signals): void => {
    // From now on the system's own handling holds: a second Ctrl-C ends the process (a shell shows status 130).
    this.#letGo();
    this.#heard(signal as Ending, this.#guarded ? '' : ' (Ctrl-C again to end at once, without saving)');
  };

  #heard(signal: Ending, again: string): void {
    this.signal ??= signal;
    noteSignal(this.signal);
    if (open.at(-1) === this) this.#notify(`\nsaving and ending${again}`);
  }

  #letGo(): void {
    if (open.every((interrupt) => interrupt === this || interrupt.signal !== undefined)) releaseSignals();
    for (const signal of keys) process.off(signal, this.#onKey);
  }

  [Symbol.dispose](): void {
    this.#letGo();
    process.off('SIGHUP', this.#onHangUp);
    const index = open.indexOf(this);
    if (index >= 0) open.splice(index, 1);
  }
}

/** What `work` gives; undefined when a signal stopped it. */
export async function unlessInterrupted<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Interrupted) return undefined;
    throw error;
  }
}
