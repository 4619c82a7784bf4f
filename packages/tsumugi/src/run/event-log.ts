// Writes the events of a run, one line each. When `write` returns, the operating system has the line, so a kill loses none.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { thrownText, writingAt } from '../base/index.ts';
import { parseEvents, type RunEvent } from './events.ts';

type WithoutTime<T> = T extends unknown ? Omit<T, 'time'> : never;

/** An event before it is written; non-finite numbers in it become null. */
export type NewEvent = WithoutTime<RunEvent>;

export class EventLog implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  #open = true;

  /**
   * Opens the log for writing.
   *
   * @param resumeAt the step of the checkpoint the run goes on from: events of later steps are cut off, as they will
   *   happen again. So whatever belongs to a step must be written before its checkpoint is saved. Undefined starts anew.
   * @throws UserError that names the log when it cannot be written to, as its methods do
   */
  constructor(path: string, resumeAt?: number) {
    this.path = path;
    this.#descriptor = writingAt(path, () => openSync(path, resumeAt === undefined ? 'w' : 'a+'));
    if (resumeAt !== undefined) {
      const { lines, length } = parseEvents(readFileSync(this.#descriptor), path);
      const firstLater = lines.find(({ event }) => event.step > resumeAt);
      ftruncateSync(this.#descriptor, firstLater?.start ?? length);
    }
  }

  write(event: NewEvent): void {
    const { type, step, ...fields } = event;
    const line = Buffer.from(`${JSON.stringify({ type, step, time: Date.now(), ...fields })}\n`);
    writingAt(this.path, () => {
      for (let done = 0; done < line.length; )
        try {
          done += writeSync(this.#descriptor, line, done);
        } catch (error) {
          // What fitted on a full disk: half a line in the middle of a log cannot be read.
          if (done > 0) ftruncateSync(this.#descriptor, fstatSync(this.#descriptor).size - done);
          throw error;
        }
    });
    // Reports need these, and they are rare enough to wait for the disk.
    if (type === 'checkpoint' || type === 'end') this.sync();
  }

  /** Ends the log of what failed with `error`. A log that cannot be written to is ignored: `error` is what matters. */
  writeFailure(step: number, error: unknown): void {
    try {
      this.write({ type: 'end', step, reason: 'failed', message: thrownText(error) });
    } catch {
      // A full disk, say: mostly the failure itself.
    }
  }

  /** Waits until everything written is on the disk. Call it before a checkpoint is saved, which must not be ahead of the log. */
  sync(): void {
    writingAt(this.path, () => fsyncSync(this.#descriptor));
  }

  /** Closes the file without waiting for the disk: `write` has waited for the events that matter. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#descriptor);
  }
}
