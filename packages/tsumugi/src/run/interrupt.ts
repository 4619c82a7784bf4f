// Ctrl-C: the first one asks the loop to save and end, the second one ends the process at once. SIGTERM, which
// Kubernetes and Slurm send before they kill, counts as a first one. SIGHUP, of a terminal that was closed, asks the same;
// it often comes twice, and beside the others, so it never ends anything at once. Under nohup it means nothing.
import { honourNohup, noteSignal, steady } from '../base/index.ts';
import { guardSignals, releaseSignals } from '../torch/index.ts';

const askedTwice = ['SIGINT', 'SIGTERM'] as const;
type EndingSignal = (typeof askedTwice)[number] | 'SIGHUP';

/** The open ones, the innermost last. An inner one begins with the signal that the outer one has heard. */
const open: Interrupt[] = [];

/** Thrown where a signal stops work half-way. That work is done again when the run goes on. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

export class Interrupt implements Disposable {
  /** The signal that came, if one did. */
  signal: EndingSignal | undefined;
  readonly #notify: (message: string) => void;
  /** Whether the addon ends the process at a second signal, also inside an operator. It says so itself when the first one comes. */
  readonly #guarded: boolean = false;

  /** Catches signals until it is disposed. `notify` tells the user, on standard error unless given. */
  constructor(notify: (message: string) => void = (message) => void steady(process.stderr).write(`${message}\n`)) {
    this.#notify = notify;
    this.signal = open.at(-1)?.signal;
    if (open.length === 0) noteSignal(undefined);
    open.push(this);
    if (!honourNohup()) process.on('SIGHUP', this.#onHangUp);
    if (this.signal !== undefined) return;
    for (const signal of askedTwice) process.on(signal, this.#onSignal);
    this.#guarded = guardSignals();
  }

  /** Whether to save and end. A signal is seen only by a loop that yields: call `poll` once in every step. */
  get interrupted(): boolean {
    return this.signal !== undefined;
  }

  /** Lets the event loop run, so that a signal can arrive, and tells whether to save and end. */
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
    this.#note('SIGHUP', '');
  };

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    // A second Ctrl-C is left to the system, which ends the process (a shell shows status 130).
    this.#stopCatching();
    this.#note(signal as EndingSignal, this.#guarded ? '' : ' (Ctrl-C again to end at once, without saving)');
  };

  #note(signal: EndingSignal, again: string): void {
    this.signal ??= signal;
    noteSignal(this.signal);
    if (open.at(-1) === this) this.#notify(`\nsaving and ending${again}`);
  }

  #stopCatching(): void {
    if (open.every((interrupt) => interrupt === this || interrupt.signal !== undefined)) releaseSignals();
    for (const signal of askedTwice) process.off(signal, this.#onSignal);
  }

  [Symbol.dispose](): void {
    this.#stopCatching();
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

/** What `work` gives, which calls `pause` where it can be stopped; undefined when a signal stopped it. `notify` as of `Interrupt`. */
export async function interruptible<T>(
  notify: (message: string) => void,
  work: (pause: () => Promise<void>) => Promise<T>,
): Promise<T | undefined> {
  using interrupt = new Interrupt(notify);
  return await unlessInterrupted(() => work(interrupt.pause));
}
