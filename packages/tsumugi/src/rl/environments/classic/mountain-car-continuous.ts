// MountainCar with a force of any size. Gymnasium 1.3.0's `Continuous_MountainCarEnv`, operation by operation: there the state
// is of 64 bits at the start of an episode and of 32 bits from the first step on, and numbers meet it by NumPy's rules.
import type { ActionLike, Frame, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box } from '../../spaces/index.ts';
import { checkState, NO_INFO, Task } from '../task.ts';
import { drawMountainCar } from './drawing.ts';
import { goalVelocityOf, type MountainCarOptions } from './goal-velocity.ts';
import { resetBounds } from './reset-bounds.ts';

const [MIN_POSITION, MAX_POSITION, GOAL] = [-1.2, 0.6, 0.45];
const MAX_SPEED = 0.07;
const POWER = 0.0015;
const GRAVITY = 0.0025;

const { fround } = Math;
const same = (x: number) => x;

export class MountainCarContinuous extends Task<Float32Array> {
  readonly id = 'MountainCarContinuous-v0';
  readonly observationSpace = new Box([MIN_POSITION, -MAX_SPEED], [MAX_POSITION, MAX_SPEED], [2]);
  readonly actionSpace = new Box(-1, 1, [1]);
  readonly #goalVelocity: number;
  #position = 0;
  #velocity = 0;
  /** Whether the state is of 64 bits. */
  #wide = true;

  constructor(options: MountainCarOptions = {}) {
    super();
    this.#goalVelocity = goalVelocityOf(this.id, options);
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    this.#position = rng.uniform(...resetBounds(this.id, options, -0.6, -0.4));
    this.#velocity = 0;
    this.#wide = true;
    return NO_INFO;
  }

  protected advance(action: ActionLike): StepResult<Float32Array> {
    const given = fround((action as ArrayLike<number>)[0]!);
    const narrow = this.#wide ? same : fround;
    const pull = GRAVITY * Math.cos(narrow(3 * this.#position));
    // A bound that takes the action's place is of 64 bits.
    const push =
      given < -1 || given > 1 ? Math.sign(given) * POWER - pull : fround(fround(given * fround(POWER)) - fround(pull));
    const [maxSpeed, low, high] = [narrow(MAX_SPEED), narrow(MIN_POSITION), narrow(MAX_POSITION)];
    let velocity = narrow(this.#velocity + narrow(push));
    if (velocity > maxSpeed) velocity = maxSpeed;
    if (velocity < -maxSpeed) velocity = -maxSpeed;
    let position = narrow(this.#position + velocity);
    if (position > high) position = high;
    if (position < low) position = low;
    if (position === low && velocity < 0) velocity = 0;
    const terminated = position >= narrow(GOAL) && velocity >= narrow(this.#goalVelocity);
    const reward = (terminated ? 100 : 0) - given * given * 0.1;
    [this.#position, this.#velocity, this.#wide] = [fround(position), fround(velocity), false];
    return { observation: this.observation(), reward, terminated, truncated: false, info: NO_INFO };
  }

  protected observation(): Float32Array {
    return Float32Array.of(this.#position, this.#velocity);
  }

  /** @param state position and velocity */
  setState(state: unknown): Float32Array {
    const [position, velocity] = checkState(this.id, state, ['position', 'velocity']) as unknown as [number, number];
    [this.#position, this.#velocity, this.#wide] = [position, velocity, true];
    return this.placed();
  }

  render(): Frame {
    return drawMountainCar(this.#position, MIN_POSITION, MAX_POSITION, GOAL);
  }

  protected saveState(): unknown {
    return [this.#position, this.#velocity, this.#wide];
  }

  protected loadState(state: unknown): void {
    [this.#position, this.#velocity, this.#wide] = state as [number, number, boolean];
  }
}
