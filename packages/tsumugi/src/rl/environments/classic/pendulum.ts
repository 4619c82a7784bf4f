// Pendulum: swing it up and hold it there. Gymnasium 1.3.0's `PendulumEnv`, operation by operation.
import { checkNumber, checkOptions, UserError } from '../../../base/index.ts';
import type { ActionLike, Frame, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box } from '../../spaces/index.ts';
import { checkState, NO_INFO, Task } from '../task.ts';
import { drawPendulum } from './drawing.ts';

const MAX_SPEED = 8;
const MAX_TORQUE = 2;
const DT = 0.05;
const MASS = 1;
const LENGTH = 1;

export interface PendulumOptions {
  /** Acceleration of gravity. */
  gravity?: number;
}

const clip = (x: number, limit: number) => Math.min(Math.max(x, -limit), limit);

/** Python's `%`, which has the sign of the divisor. */
const modulo = (a: number, b: number) => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};

const angleNormalized = (angle: number) => modulo(angle + Math.PI, 2 * Math.PI) - Math.PI;

export class Pendulum extends Task<Float32Array> {
  readonly id = 'Pendulum-v1';
  readonly observationSpace = new Box([-1, -1, -MAX_SPEED], [1, 1, MAX_SPEED], [3]);
  readonly actionSpace = new Box(-MAX_TORQUE, MAX_TORQUE, [1]);
  readonly #gravity: number;
  #angle = 0;
  #speed = 0;
  /** For the picture. */
  #torque = 0;

  constructor(options: PendulumOptions = {}) {
    super();
    checkOptions<PendulumOptions>(this.id, options, { gravity: true });
    this.#gravity = checkNumber(this.id, 'gravity', options.gravity ?? 10, {});
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    checkOptions(`${this.id}: reset`, options, { x_init: true, y_init: true });
    const { x_init: x = Math.PI, y_init: y = 1 } = options as { x_init?: number; y_init?: number };
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      throw new UserError('bad-option', `${this.id}: reset: x_init and y_init are numbers, got ${x} and ${y}`, {
        remedy: 'They bound the angle and the speed at the start; left out they are π and 1.',
      });
    }
    [this.#angle, this.#speed] = rng.uniforms([-x, -y], [x, y], 2) as unknown as [number, number];
    this.#torque = 0;
    return NO_INFO;
  }

  protected advance(action: ActionLike): StepResult<Float32Array> {
    // Actions are of 32 bits, and NumPy works in 32 bits until they meet the angle.
    const torque = clip(Math.fround((action as ArrayLike<number>)[0]!), MAX_TORQUE);
    this.#torque = torque;
    const effort = Math.fround(Math.fround(0.001) * Math.fround(torque * torque));
    const angle = angleNormalized(this.#angle);
    const cost = angle * angle + 0.1 * (this.#speed * this.#speed) + effort;
    const push = Math.fround((3 / (MASS * LENGTH ** 2)) * torque);
    const acceleration = ((3 * this.#gravity) / (2 * LENGTH)) * Math.sin(this.#angle) + push;
    this.#speed = clip(this.#speed + acceleration * DT, MAX_SPEED);
    this.#angle += this.#speed * DT;
    return { observation: this.observation(), reward: -cost, terminated: false, truncated: false, info: NO_INFO };
  }

  protected observation(): Float32Array {
    return Float32Array.of(Math.cos(this.#angle), Math.sin(this.#angle), this.#speed);
  }

  /** @param state angle (radians, 0 is upright) and its velocity */
  setState(state: unknown): Float32Array {
    [this.#angle, this.#speed] = checkState(this.id, state, ['angle', 'velocity']) as unknown as [number, number];
    this.#torque = 0;
    return this.placed();
  }

  render(): Frame {
    return drawPendulum(this.#angle, this.#torque);
  }

  protected saveState(): unknown {
    return [this.#angle, this.#speed, this.#torque];
  }

  protected loadState(state: unknown): void {
    [this.#angle, this.#speed, this.#torque] = state as [number, number, number];
  }
}
