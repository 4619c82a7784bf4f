// Acrobot (Sutton 1996): two links, a torque between them; the tip has to get above a line. Gymnasium 1.3.0's `AcrobotEnv`,
// operation by operation, with the equations of motion of Sutton and Barto's book.
import type { ActionLike, Frame, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import { Box, Discrete } from '../../spaces/index.ts';
import { noOptions } from '../no-options.ts';
import { checkState, NO_INFO, Task } from '../task.ts';
import { drawAcrobot } from './drawing.ts';
import { resetBounds } from './reset-bounds.ts';

// Length and mass of both links are 1, as is the moment of inertia.
const CENTRE = 0.5;
const GRAVITY = 9.8;
const DT = 0.2;
const MAX_SPEED_1 = 4 * Math.PI;
const MAX_SPEED_2 = 9 * Math.PI;

/** Two angles (of the first link: 0 is down; of the second one: relative to the first) and their velocities. */
type State = readonly [number, number, number, number];

function derivatives([theta1, theta2, speed1, speed2]: State, torque: number): State {
  const [cos2, sin2] = [Math.cos(theta2), Math.sin(theta2)];
  const d1 = CENTRE ** 2 + (1 + CENTRE ** 2 + 2 * CENTRE * cos2) + 1 + 1;
  const d2 = CENTRE ** 2 + CENTRE * cos2 + 1;
  const phi2 = CENTRE * GRAVITY * Math.cos(theta1 + theta2 - Math.PI / 2);
  const phi1 =
    -CENTRE * (speed2 * speed2) * sin2 -
    2 * CENTRE * speed2 * speed1 * sin2 +
    (CENTRE + 1) * GRAVITY * Math.cos(theta1 - Math.PI / 2) +
    phi2;
  const acceleration2 =
    (torque + (d2 / d1) * phi1 - CENTRE * (speed1 * speed1) * sin2 - phi2) / (CENTRE ** 2 + 1 - (d2 * d2) / d1);
  const acceleration1 = -(d2 * acceleration2 + phi1) / d1;
  return [speed1, speed2, acceleration1, acceleration2];
}

const added = (state: State, factor: number, slope: State): State =>
  state.map((x, i) => x + factor * slope[i]!) as unknown as State;

/** One step of Runge and Kutta's method of order 4. */
function rungeKutta(state: State, torque: number): State {
  const half = DT / 2;
  const k1 = derivatives(state, torque);
  const k2 = derivatives(added(state, half, k1), torque);
  const k3 = derivatives(added(state, half, k2), torque);
  const k4 = derivatives(added(state, DT, k3), torque);
  return state.map((x, i) => x + (DT / 6) * (k1[i]! + 2 * k2[i]! + 2 * k3[i]! + k4[i]!)) as unknown as State;
}

function wrapped(angle: number): number {
  let x = angle;
  while (x > Math.PI) x -= 2 * Math.PI;
  while (x < -Math.PI) x += 2 * Math.PI;
  return x;
}

const clip = (x: number, limit: number) => Math.min(Math.max(x, -limit), limit);

export class Acrobot extends Task<Float32Array> {
  readonly id = 'Acrobot-v1';
  readonly observationSpace = new Box(
    [-1, -1, -1, -1, -MAX_SPEED_1, -MAX_SPEED_2],
    [1, 1, 1, 1, MAX_SPEED_1, MAX_SPEED_2],
    [6],
  );
  readonly actionSpace = new Discrete(3);
  #state: State = [0, 0, 0, 0];

  constructor(options: Readonly<Record<string, unknown>> = {}) {
    super();
    noOptions(this.id, options);
  }

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    const [low, high] = resetBounds(this.id, options, -0.1, 0.1);
    this.#state = Array.from(Float32Array.from(rng.uniforms(low, high, 4))) as unknown as State;
    return NO_INFO;
  }

  protected advance(action: ActionLike): StepResult<Float32Array> {
    const [theta1, theta2, speed1, speed2] = rungeKutta(this.#state, (action as number) - 1);
    this.#state = [wrapped(theta1), wrapped(theta2), clip(speed1, MAX_SPEED_1), clip(speed2, MAX_SPEED_2)];
    const terminated = -Math.cos(this.#state[0]) - Math.cos(this.#state[1] + this.#state[0]) > 1;
    const reward = terminated ? 0 : -1;
    return { observation: this.observation(), reward, terminated, truncated: false, info: NO_INFO };
  }

  protected observation(): Float32Array {
    const [theta1, theta2, speed1, speed2] = this.#state;
    return Float32Array.of(Math.cos(theta1), Math.sin(theta1), Math.cos(theta2), Math.sin(theta2), speed1, speed2);
  }

  /** @param state angle of the first link (0 is down), of the second one relative to the first, and their velocities */
  setState(state: unknown): Float32Array {
    const names = ['angle 1', 'angle 2', 'velocity 1', 'velocity 2'];
    this.#state = Array.from(checkState(this.id, state, names)) as unknown as State;
    return this.placed();
  }

  render(): Frame {
    return drawAcrobot(this.#state[0], this.#state[1]);
  }

  protected saveState(): unknown {
    return this.#state;
  }

  protected loadState(state: unknown): void {
    this.#state = state as State;
  }
}
