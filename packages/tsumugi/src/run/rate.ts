// How fast something goes, smoothed: recent progress counts more, and a pause (an evaluation, a checkpoint) fades.

/** Steps per second as a ratio of exponentially decayed sums, so that it is right from the first step on. */
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
    // With steps longer than the smoothing time the last one alone would decide: at least 80 % of the past remains.
    const decay = Math.max(Math.exp(-seconds / this.#seconds), 0.8);
    this.#steps = this.#steps * decay + steps;
    this.#time = this.#time * decay + seconds;
  }

  /** Steps per second; NaN before the first observation. */
  get perSecond(): number {
    return this.#steps / this.#time;
  }
}
