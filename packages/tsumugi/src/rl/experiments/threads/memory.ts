// What the threads of an asynchronous training share besides weights: how many steps were begun, and up to which they may go.
const TAKEN = 0;
const LIMIT = 1;
const ENDING = 2;

export class StepMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Steps begun. */
  get taken(): number {
    return Atomics.load(this.#words, TAKEN);
  }

  get limit(): number {
    return Atomics.load(this.#words, LIMIT);
  }

  /** A training goes on from step `step`. */
  begin(step: number): void {
    Atomics.store(this.#words, TAKEN, step);
    Atomics.store(this.#words, LIMIT, step);
  }

  /** The number of the step that a thread takes next, from 0; undefined where it would pass the limit. */
  take(): number | undefined {
    const step = Atomics.add(this.#words, TAKEN, 1);
    if (step < this.limit) return step;
    Atomics.sub(this.#words, TAKEN, 1);
    return undefined;
  }

  /** A thread that saw `limit` reached waits until it is another one. Returns whether there are steps to take. */
  wait(limit: number): boolean {
    Atomics.wait(this.#words, LIMIT, limit);
    return Atomics.load(this.#words, ENDING) === 0;
  }

  /** Lets the threads go up to step `limit`. */
  raise(limit: number): void {
    Atomics.store(this.#words, LIMIT, limit);
    Atomics.notify(this.#words, LIMIT);
  }

  /** Lets every thread end. */
  end(): void {
    Atomics.store(this.#words, ENDING, 1);
    this.raise(this.limit + 1);
  }
}
