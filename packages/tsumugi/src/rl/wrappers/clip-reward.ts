// Rewards by their sign alone (Mnih et al. 2015), so that one learning rate fits games whose scores differ by orders.
import type { Environment, Observation } from '../environment.ts';
import { TransformReward } from './transform-reward.ts';

/** −1, 0 or 1. */
export class ClipReward<O extends Observation = Observation> extends TransformReward<O> {
  constructor(inner: Environment<O>) {
    super(inner, Math.sign);
  }
}
