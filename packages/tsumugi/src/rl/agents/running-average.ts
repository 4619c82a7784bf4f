// Exponential averages of the figures that agents report. They begin at 0, as ChainerRL's do.
export class RunningAverage {
  value = 0;
  readonly #decay: number;

  constructor(decay: number) {
    this.#decay = decay;
  }

  add(value: number): void {
    this.value = this.#decay * this.value + (1 - this.#decay) * value;
  }
}
