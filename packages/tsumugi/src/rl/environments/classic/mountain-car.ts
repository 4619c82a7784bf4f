// MountainCar (Moore 1990): a car that is too weak for the slope has to swing itself up. Gymnasium 1.3.0's `MountainCarEnv`,
// operation by operation.
import type { ActionLike, Frame, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box, Discrete } from '../../spaces/index.ts';
import { checkState, NO_INFO, Task } from '../task.ts';
import { drawMountainCar } from './drawing.ts';
import { goalVelocityOf, type MountainCarOptions } from './goal-velocity.ts';
import { resetBounds } from './reset-bounds.ts';

const [MIN_POSITION, MAX_POSITION, GOAL] = [-1.2, 0.6, 0.5];
const MAX_SPEED = 0.07;
const FORCE = 0.001;
const GRAVITY = 0.0025;

const clip = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);

export class MountainCar extends Task<Float32Array> {
  readonly id = 'MountainCar-v0';
  readonly observationSpace = new Box([MIN_POSITION, -MAX_SPEED], [MAX_POSITION, MAX_SPEED], [2]);
  readonly actionSpace = new Discrete(3);
  readonly #goalVelocity: number;
  #position = 0;
  #velocity = 0;

  constructor(options: MountainCarOptions = {}) {
    super();
    this.#goalVelocity = goalVelocityOf(this.id, options);
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    this.#position = rng.uniform(...resetBounds(this.id, options, -0.6, -0.4));
    this.#velocity = 0;
    return NO_INFO;
  }

  protected advance(action: ActionLike): StepResult<Float32Array> {
    const push = ((action as number) - 1) * FORCE + Math.cos(3 * this.#position) * -GRAVITY;
    this.#velocity = clip(this.#velocity + push, -MAX_SPEED, MAX_SPEED);
    this.#position = clip(this.#position + this.#velocity, MIN_POSITION, MAX_POSITION);
    if (this.#position === MIN_POSITION && this.#velocity < 0) this.#velocity = 0;
    const terminated = this.#position >= GOAL && this.#velocity >= this.#goalVelocity;
    return { observation: this.observation(), reward: -1, terminated, truncated: false, info: NO_INFO };
  }

  protected observation(): Float32Array {
    return Float32Array.of(this.#position, this.#velocity);
  }

  /** @param state position and velocity */
  setState(state: unknown): Float32Array {
    [this.#position, this.#velocity] = checkState(this.id, state, ['position', 'velocity']) as unknown as [
      number,
      number,
    ];
    return this.placed();
  }

  render(): Frame {
    return drawMountainCar(this.#position, MIN_POSITION, MAX_POSITION, GOAL);
  }

  protected saveState(): unknown {
    return [this.#position, this.#velocity];
  }

  protected loadState(state: unknown): void {
    [this.#position, this.#velocity] = state as [number, number];
  }
}
