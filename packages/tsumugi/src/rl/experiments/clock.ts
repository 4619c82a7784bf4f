// The time of a training: at work in all, and steps per second without what evaluations take.

export class Clock {
  readonly #before: number;
  readonly #began = performance.now();
  #lapBegan = this.#began;
  #lapStep: number;

  /** @param before seconds at work in earlier processes */
  constructor(before: number, step: number) {
    this.#before = before;
    this.#lapStep = step;
  }

  /** Seconds at work. */
  get seconds(): number {
    return this.#before + (performance.now() - this.#began) / 1000;
  }

  /** Steps per second since the last lap. */
  lap(step: number): number {
    const now = performance.now();
    const rate = (step - this.#lapStep) / ((now - this.#lapBegan) / 1000);
    this.#lapBegan = now;
    this.#lapStep = step;
    return rate;
  }

  /** The lap has no part in what began at `since` and ends now. */
  leaveOut(since: number): void {
    this.#lapBegan += performance.now() - since;
  }
}
