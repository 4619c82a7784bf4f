// Actions from −1 to 1.
import type { ActionLike, Environment, Observation, StepResult } from '../environment.ts';
import { Box } from '../spaces/index.ts';
import { requireBox } from './require-box.ts';
import { Wrapper } from './wrapper.ts';

/** Agents act in [−1, 1]; that is stretched to the environment's box. What lies outside stays outside. */
export class NormalizeAction<O extends Observation = Observation> extends Wrapper<O> {
  readonly #box: Box;

  constructor(inner: Environment<O>) {
    const box = requireBox('NormalizeAction', 'action', inner.actionSpace, true);
    super(inner, { action: new Box(-1, 1, box.shape) });
    this.#box = box;
  }

  override step(action: ActionLike): StepResult<O> {
    // What is no array the environment inside refuses.
    if (typeof action === 'number') return this.inner.step(action);
    const { low, high } = this.#box;
    const stretched = Float32Array.from(action, (x, i) => low[i]! + ((high[i]! - low[i]!) * (x + 1)) / 2);
    return this.inner.step(stretched);
  }
}
