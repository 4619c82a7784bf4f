// CartPole (Barto, Sutton & Anderson 1983): a pole on a cart that is pushed to the left or to the right. Gymnasium 1.3.0's
// `CartPoleEnv`, operation by operation.
import { checkOptions } from '../../../base/index.ts';
import type { ActionLike, Frame, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box, Discrete } from '../../spaces/index.ts';
import { checkState, NO_INFO, Task } from '../task.ts';
import { drawCartPole } from './drawing.ts';
import { resetBounds } from './reset-bounds.ts';

const GRAVITY = 9.8;
const MASS_POLE = 0.1;
const MASS = MASS_POLE + 1;
/** Half of the pole. */
const LENGTH = 0.5;
const POLE_MASS_LENGTH = MASS_POLE * LENGTH;
const FORCE = 10;
/** Seconds between two steps. */
const TAU = 0.02;
const MAX_X = 2.4;
const MAX_ANGLE = (12 * 2 * Math.PI) / 360;
const NAMES = ['x', 'x velocity', 'angle', 'angle velocity'];

export interface CartPoleOptions {
  /** 0 for a step and −1 for the end, as in the book of Sutton and Barto; otherwise 1 for every step. */
  suttonBartoReward?: boolean;
}

export class CartPole extends Task<Float32Array> {
  readonly id: string;
  // Twice what ends an episode, so that its last observation lies inside.
  readonly observationSpace = new Box(
    [-2 * MAX_X, -Infinity, -2 * MAX_ANGLE, -Infinity],
    [2 * MAX_X, Infinity, 2 * MAX_ANGLE, Infinity],
    [4],
  );
  readonly actionSpace = new Discrete(2);
  readonly #ofTheBook: boolean;
  #state: Float64Array = new Float64Array(4);

  constructor(id = 'CartPole-v1', options: CartPoleOptions = {}) {
    super();
    this.id = id;
    checkOptions<CartPoleOptions>(id, options, { suttonBartoReward: true });
    this.#ofTheBook = options.suttonBartoReward ?? false;
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    const [low, high] = resetBounds(this.id, options, -0.05, 0.05);
    this.#state = rng.uniforms(low, high, 4);
    return NO_INFO;
  }

  protected advance(action: ActionLike): StepResult<Float32Array> {
    let [x, xDot, theta, thetaDot] = this.#state as unknown as [number, number, number, number];
    const force = action === 1 ? FORCE : -FORCE;
    const cos = Math.cos(theta);
    const sin = Math.sin(theta);
    const temp = (force + POLE_MASS_LENGTH * (thetaDot * thetaDot) * sin) / MASS;
    const thetaAcceleration = (GRAVITY * sin - cos * temp) / (LENGTH * (4 / 3 - (MASS_POLE * (cos * cos)) / MASS));
    const xAcceleration = temp - (POLE_MASS_LENGTH * thetaAcceleration * cos) / MASS;
    x += TAU * xDot;
    xDot += TAU * xAcceleration;
    theta += TAU * thetaDot;
    thetaDot += TAU * thetaAcceleration;
    this.#state.set([x, xDot, theta, thetaDot]);
    const terminated = x < -MAX_X || x > MAX_X || theta < -MAX_ANGLE || theta > MAX_ANGLE;
    const reward = this.#ofTheBook ? (terminated ? -1 : 0) : 1;
    return { observation: this.observation(), reward, terminated, truncated: false, info: NO_INFO };
  }

  protected observation(): Float32Array {
    return new Float32Array(this.#state);
  }

  /** @param state x, x velocity, angle of the pole (radians, 0 is upright), its velocity */
  setState(state: unknown): Float32Array {
    this.#state = checkState(this.id, state, NAMES);
    return this.placed();
  }

  render(): Frame {
    return drawCartPole(this.#state[0]!, this.#state[2]!, 2 * MAX_X);
  }

  protected saveState(): unknown {
    return [...this.#state];
  }

  protected loadState(state: unknown): void {
    this.#state = Float64Array.from(state as number[]);
  }
}
