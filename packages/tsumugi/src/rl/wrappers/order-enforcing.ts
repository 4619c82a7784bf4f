// The checks that tsumugi's own environments make themselves, for those of others.
import type { ActionLike, Observation, StepResult } from '../environment.ts';
import { checkAction, needsReset } from '../order.ts';
import { Wrapper } from './wrapper.ts';

type Phase = 'new' | 'running' | 'ended';

/** Refuses a step before the first reset or after an end, and actions that are none. */
export class OrderEnforcing<O extends Observation = Observation> extends Wrapper<O> {
  #phase: Phase = 'new';

  protected override begun(observation: O): O {
    this.#phase = 'running';
    return observation;
  }

  override step(action: ActionLike): StepResult<O> {
    if (this.#phase !== 'running') throw needsReset(this.id, this.#phase === 'ended' ? 'has ended' : undefined);
    checkAction(this.id, this.actionSpace, action);
    const result = this.inner.step(action);
    if (result.terminated || result.truncated) this.#phase = 'ended';
    return result;
  }

  protected override memory(): unknown {
    return this.#phase;
  }

  protected override remember(memory: unknown): void {
    this.#phase = memory as Phase;
  }
}
