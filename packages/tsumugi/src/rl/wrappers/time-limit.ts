// The time limit of an episode.
import { checkNumber } from '../../base/index.ts';
import type { ActionLike, Environment, Observation, StepResult } from '../environment.ts';
import { needsReset } from '../order.ts';
import { Wrapper } from './wrapper.ts';

/** Cuts an episode off after so many steps: `truncated`, which is no end of the task. */
export class TimeLimit<O extends Observation = Observation> extends Wrapper<O> {
  readonly maxSteps: number;
  #steps = 0;
  /** Whether the limit was reached. */
  protected isOver = false;

  constructor(inner: Environment<O>, maxSteps: number) {
    super(inner);
    this.maxSteps = checkNumber('TimeLimit', 'maxSteps', maxSteps, { min: 1, whole: true });
  }

  protected override begun(observation: O): O {
    this.#steps = 0;
    this.isOver = false;
    return observation;
  }

  override step(action: ActionLike): StepResult<O> {
    if (this.isOver) throw needsReset(this.id, 'was cut off by its time limit');
    const result = this.inner.step(action);
    if (++this.#steps < this.maxSteps) return result;
    this.isOver = true;
    return { ...result, truncated: true };
  }

  protected override memory(): unknown {
    return { steps: this.#steps, over: this.isOver };
  }

  protected override remember(memory: unknown): void {
    const { steps, over } = memory as { steps: number; over: boolean };
    this.#steps = steps;
    this.isOver = over;
  }
}
