// Rewards changed one by one.
import { checkNumber } from '../../base/index.ts';
import type { ActionLike, Environment, Observation, StepResult } from '../environment.ts';
import { Wrapper } from './wrapper.ts';

/** Gives out what `transform` makes of each reward. */
export class TransformReward<O extends Observation = Observation> extends Wrapper<O> {
  readonly #transform: (reward: number) => number;

  constructor(inner: Environment<O>, transform: (reward: number) => number) {
    super(inner);
    this.#transform = transform;
  }

  override step(action: ActionLike): StepResult<O> {
    const result = this.inner.step(action);
    return { ...result, reward: this.#transform(result.reward) };
  }
}

/** Multiplies rewards by a factor. */
export class ScaleReward<O extends Observation = Observation> extends TransformReward<O> {
  constructor(inner: Environment<O>, factor: number) {
    checkNumber('ScaleReward', 'factor', factor, {});
    super(inner, (reward) => reward * factor);
  }
}
