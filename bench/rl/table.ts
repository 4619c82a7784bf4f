// An environment that costs next to nothing: observations and rewards from a table, episodes of 1,000 steps.
import { RandomStream } from 'tsumugi/base';
import { Box, type Environment, type Space, type StepResult } from 'tsumugi/rl';

const ROWS = 64;

export class Table implements Environment {
  readonly id = 'table';
  readonly observationSpace: Box;
  readonly actionSpace: Space;
  readonly #observations: (Float32Array | Uint8Array)[];
  readonly #rewards: number[];
  #t = 0;

  constructor(shape: readonly number[], dtype: 'float32' | 'uint8', actionSpace: Space) {
    this.observationSpace = dtype === 'uint8' ? new Box(0, 255, shape, dtype) : new Box(-10, 10, shape, dtype);
    this.actionSpace = actionSpace;
    const rng = new RandomStream(0);
    const size = shape.reduce((product, length) => product * length, 1);
    this.#observations = Array.from({ length: ROWS }, () =>
      dtype === 'uint8'
        ? Uint8Array.from({ length: size }, () => rng.below(256))
        : Float32Array.from({ length: size }, () => 2 * rng.next() - 1),
    );
    this.#rewards = Array.from({ length: ROWS }, () => 2 * rng.next() - 1);
  }

  reset() {
    return { observation: this.#observations[0]!, info: {} };
  }

  step(): StepResult {
    this.#t++;
    const row = this.#t % ROWS;
    const truncated = this.#t % 1000 === 0;
    return {
      observation: this.#observations[row]!,
      reward: this.#rewards[row]!,
      terminated: false,
      truncated,
      info: {},
    };
  }

  [Symbol.dispose](): void {}
}
