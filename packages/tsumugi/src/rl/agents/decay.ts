// What falls in a line from 1 to 0 over a training, as ChainerRL's LinearInterpolationHook draws it: from step 1 to step `steps`.
import type { Optimizer } from '../../optim/index.ts';

export const lastShare = (step: number, steps: number): number =>
  steps <= 1 ? 0 : 1 - Math.min(1, Math.max(0, (step - 1) / (steps - 1)));

/** The learning rate of an optimizer, which falls from what it is to 0 at step `steps`; without that it stays. */
export class DecayingRate {
  readonly #optimizer: Optimizer;
  readonly #first: number | undefined;
  readonly #steps: number | null;

  constructor(optimizer: Optimizer, steps: number | null = null) {
    this.#optimizer = optimizer;
    this.#first = optimizer.lr;
    this.#steps = steps;
  }

  /** Sets it for an update after so many steps. */
  set(taken: number): void {
    if (this.#steps !== null && this.#first !== undefined)
      this.#optimizer.lr = this.#first * lastShare(taken, this.#steps);
  }
}
