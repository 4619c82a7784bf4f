// Continuous agents work in (−1, 1), and environments in boxes of their own.
import { ConfigError } from '../../base/index.ts';
import { type Tensor, tensor } from '../../torch/index.ts';
import { Box, type Space } from '../spaces/index.ts';

/** @throws ConfigError for a space that is not a box with finite bounds */
export function boundedBox(owner: string, space: Space): Box {
  if (space instanceof Box && [...space.low, ...space.high].every(Number.isFinite)) return space;
  throw new ConfigError('wrong-space', `${owner} acts in boxes with finite bounds, this action space is ${space}`, {
    remedy:
      space.kind === 'Discrete'
        ? 'Choose an agent for counted actions, such as dqn or ppo.'
        : 'Choose an agent that needs no bounds, such as ppo.',
  });
}

/** [−1, 1] in every dimension. */
export const unitBox = ({ shape }: Box): Box => new Box(-1, 1, shape);

export class ActionScale implements Disposable {
  readonly unit: Box;
  /** [A] */
  readonly #center: Float32Array;
  readonly #half: Float32Array;
  readonly #centerTensor: Tensor;
  readonly #halfTensor: Tensor;

  /** @throws ConfigError for a space that is not a box with finite bounds */
  constructor(owner: string, space: Space) {
    const { low, high } = boundedBox(owner, space);
    this.unit = unitBox(space as Box);
    this.#center = Float32Array.from(low, (bound, i) => (bound + high[i]!) / 2);
    this.#half = Float32Array.from(low, (bound, i) => (high[i]! - bound) / 2);
    this.#centerTensor = tensor(this.#center).keep();
    this.#halfTensor = tensor(this.#half).keep();
  }

  /** A, the numbers of an action. */
  get size(): number {
    return this.#center.length;
  }

  /** From [−1, 1] into the box. */
  toBox(action: Float32Array): Float32Array {
    return action.map((value, i) => this.#center[i]! + this.#half[i]! * value);
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
