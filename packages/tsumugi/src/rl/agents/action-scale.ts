// Continuous agents work in (−1, 1), and environments in boxes of their own.
import { ConfigError } from '../../base/index.ts';
import { type Device, type Tensor, tensor } from '../../torch/index.ts';
import { Box, type Space } from '../spaces/index.ts';

/** @throws ConfigError for a space that is not a box with finite bounds */
export function boundedBox(owner: string, space: Space): Box {
  if (space instanceof Box && [...space.low, ...space.high].every(Number.isFinite)) return space;
  throw new ConfigError('wrong-space', `${owner} acts in boxes with finite bounds, this action space is ${space}`, {
    remedy:
      space.kind === 'Discrete'
        ? 'Choose an agent for discrete actions, such as dqn or ppo.'
        : space.kind === 'Box'
          ? 'Choose an agent that needs no bounds, such as ppo.'
          : severalActions,
  });
}

/** [−1, 1] in every dimension. */
export const unitBox = ({ shape }: Box): Box => new Box(-1, 1, shape);

/** What to do where actions are several whole numbers at once: no agent chooses those. */
export const severalActions = 'Give the environment a Discrete space that counts the combinations.';

export class ActionScale implements Disposable {
  readonly unit: Box;
  readonly #box: Box;
  /** [A] */
  readonly #center: Float32Array;
  readonly #half: Float32Array;
  readonly #centerTensor: Tensor;
  readonly #halfTensor: Tensor;

  /** @throws ConfigError for a space that is not a box with finite bounds */
  constructor(owner: string, space: Space, device: Device = 'cpu') {
    this.#box = boundedBox(owner, space);
    const { low, high } = this.#box;
    this.unit = unitBox(this.#box);
    this.#center = Float32Array.from(low, (bound, i) => bound / 2 + high[i]! / 2);
    this.#half = Float32Array.from(low, (bound, i) => high[i]! / 2 - bound / 2);
    this.#centerTensor = tensor(this.#center, { device }).keep();
    // A dimension that is one number is the middle, whatever is chosen.
    this.#halfTensor = tensor(
      this.#half.map((half) => half || 1),
      { device },
    ).keep();
  }

  /** A, the numbers of an action. */
  get size(): number {
    return this.#center.length;
  }

  /** From [−1, 1] into the box, also where rounding would lead out of it. */
  toBox(action: Float32Array): Float32Array {
    return this.#box.clip(action.map((value, i) => this.#center[i]! + this.#half[i]! * value));
  }

  /** From the box into [−1, 1]: [B, A] */
  toUnit(actions: Tensor): Tensor {
    return actions.sub(this.#centerTensor).div(this.#halfTensor);
  }

  [Symbol.dispose](): void {
    this.#centerTensor.dispose();
    this.#halfTensor.dispose();
  }
}
