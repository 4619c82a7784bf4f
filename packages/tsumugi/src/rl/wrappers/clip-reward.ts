// Rewards by their sign alone (Mnih et al. 2015), so that one learning rate fits games whose scores differ by orders.
import type { ActionLike, Observation, StepResult } from '../environment.ts';
import { Wrapper } from './wrapper.ts';

/** −1, 0 or 1. */
export class ClipReward<O extends Observation = Observation> extends Wrapper<O> {
  override step(action: ActionLike): StepResult<O> {
    const result = super.step(action);
    return { ...result, reward: Math.sign(result.reward) };
  }
}
