// How fast something goes, smoothed: recent progress counts more, and a pause (an evaluation, a checkpoint) fades.

/** Steps per second: a ratio of two sums that decay exponentially, so it is right from the first step on. */
export class Rate {
  readonly #seconds: number;
  #steps = 0;
  #time = 0;

  /** @param seconds after which an observation counts 1/e */
  constructor(seconds = 60) {
    this.#seconds = seconds;
  }

  /** Adds that `steps` took `seconds`. */
  add(steps: number, seconds: number): void {
    // At least 80 % of the past remains: otherwise the last step alone would decide when steps are longer than the smoothing time.
    const decay = Math.max(Math.exp(-seconds / this.#seconds), 0.8);
    this.#steps = this.#steps * decay + steps;
    this.#time = this.#time * decay + seconds;
  }

  /** Steps per second; NaN before the first observation. */
  get perSecond(): number {
    return this.#steps / this.#time;
  }
}
