// Actions inside of their bounds.
import type { ActionLike, Environment, Observation, StepResult } from '../environment.ts';
import { Box } from '../spaces/index.ts';
import { requireBox } from './require-box.ts';
import { Wrapper } from './wrapper.ts';

/** Takes any numbers, and moves each to the nearest one inside the environment's bounds. */
export class ClipAction<O extends Observation = Observation> extends Wrapper<O> {
  readonly #box: Box;

  constructor(inner: Environment<O>) {
    const box = requireBox('ClipAction', 'action', inner.actionSpace, false);
    super(inner, { action: new Box(-Infinity, Infinity, box.shape) });
    this.#box = box;
  }

  override step(action: ActionLike): StepResult<O> {
    if (typeof action === 'number') return this.inner.step(action);
    const { low, high } = this.#box;
    return this.inner.step(Float32Array.from(action, (x, i) => Math.min(Math.max(x, low[i]!), high[i]!)));
  }
}
