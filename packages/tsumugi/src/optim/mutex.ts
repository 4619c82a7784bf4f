// A lock between the threads of a process: what is run under it is run by one at a time.
const FREE = 0;
const HELD = 1;

export class Mutex {
  /** To be sent to other threads, whose `Mutex` of it is the same lock. */
  readonly memory: SharedArrayBuffer;
  readonly #state: Int32Array;

  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#state = new Int32Array(memory);
  }

  /** Waits until nobody holds it. It must not be asked for again inside of `body`. */
  run<T>(body: () => T): T {
    while (Atomics.compareExchange(this.#state, 0, FREE, HELD) !== FREE) Atomics.wait(this.#state, 0, HELD);
    try {
      return body();
    } finally {
      Atomics.store(this.#state, 0, FREE);
      Atomics.notify(this.#state, 0, 1);
    }
  }
}
