// The time limit of old Gym.
import type { ActionLike, Observation, StepResult } from '../environment.ts';
import { TimeLimit } from './time-limit.ts';

/**
 * A time limit whose end counts as the task's own: `terminated`, so that nothing is thought to follow. That is what old Gym's
 * did to agents, and what the published figures of PPO and TRPO on MuJoCo come from. (`TimeLimit` is ChainerRL's
 * `ContinuingTimeLimit`.)
 */
export class TerminatingTimeLimit<O extends Observation = Observation> extends TimeLimit<O> {
  override step(action: ActionLike): StepResult<O> {
    const result = super.step(action);
    return this.isOver ? { ...result, terminated: true, truncated: false } : result;
  }
}
