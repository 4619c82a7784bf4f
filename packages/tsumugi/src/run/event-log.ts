// Writing the events of a run: one line each, appended, in the system's hands as soon as `write` returns.
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
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
   */
  constructor(path: string, resumeAt?: number) {
    this.path = path;
    this.#descriptor = openSync(path, resumeAt === undefined ? 'w' : 'a+');
    if (resumeAt !== undefined) {
      const { lines, length } = parseEvents(readFileSync(this.#descriptor), path);
      const firstLater = lines.find(({ event }) => event.step > resumeAt);
      ftruncateSync(this.#descriptor, firstLater?.start ?? length);
    }
  }

  write(event: NewEvent): void {
    const { type, step, ...fields } = event;
    const line = `${JSON.stringify({ type, step, time: Date.now(), ...fields })}\n`;
    writeSync(this.#descriptor, line);
    // These are what a report cannot do without, and rare enough to wait for the disk.
    if (type === 'checkpoint' || type === 'end') fsyncSync(this.#descriptor);
  }

  /** Waits until everything written is on the disk. Call it before a checkpoint, which must not know more than the log. */
  sync(): void {
    fsyncSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    fsyncSync(this.#descriptor);
    closeSync(this.#descriptor);
  }
}
