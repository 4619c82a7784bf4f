// What a Q-function gives for a batch of observations: the value of actions, and which is best.
//
//   B batch   A actions   Z atoms   N quantiles
import type { Tensor } from '../../torch/index.ts';

/** What can be looked at for some of its batch. */
export interface Rows<Self> {
  /** @param index int64 [N] */
  rows(index: Tensor): Self;
}

export interface ActionValues extends Rows<ActionValues> {
  /** The best action of each: int64 [B], or [B, elements]. */
  greedyActions(): Tensor;
  /** Its value. [B] */
  max(): Tensor;
  /** Q(s, a). [B] */
  evaluateActions(actions: Tensor): Tensor;
  /** Q(s, a) − max Q(s, ·), which is at most 0. [B] */
  advantage(actions: Tensor): Tensor;
}
