// What is called after every step of the training loop: schedules of whatever has a setter, and looks at the agent.
import type { Agent } from '../agent.ts';

/**
 * Called once `step` steps are done, of all environments together. A run that goes on calls it first with the step it goes on from: a
 * hook that sets something by the step alone leaves a resumed run the same as one that was never interrupted.
 */
export type StepHook = (agent: Agent, step: number) => void;

/**
 * A hook that sets a value on the line from `start` at step 1 to `stop` at step `totalSteps`, and `stop` afterwards: ChainerRL's
 * `LinearInterpolationHook`.
 */
export function linearInterpolationHook(
  totalSteps: number,
  start: number,
  stop: number,
  set: (agent: Agent, value: number) => void,
): StepHook {
  return (agent, step) => {
    const share = totalSteps <= 1 ? 1 : Math.min(1, Math.max(0, (step - 1) / (totalSteps - 1)));
    set(agent, start + (stop - start) * share);
  };
}
