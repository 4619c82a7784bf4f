// The checks that tsumugi's own environments make themselves, for those of others.
import { ownObservation, soundReset, soundStep } from '../check/given-out.ts';
import type { ActionLike, Observation, ResetOptions, ResetResult, StepResult } from '../environment.ts';
import { checkAction, needsReset } from '../order.ts';
import { Wrapper } from './wrapper.ts';

type Phase = 'new' | 'running' | 'ended';

/**
 * Refuses a step before the first reset or after an end, actions that are none, and what an environment must not give out: NaN,
 * rewards that are no numbers, observations of another space. What it gives out is a copy.
 */
export class OrderEnforcing<O extends Observation = Observation> extends Wrapper<O> {
  #phase: Phase = 'new';

  override reset(options?: ResetOptions): ResetResult<O> {
    const result = soundReset<O>(this.id, this.observationSpace, this.inner.reset(options));
    this.#phase = 'running';
    return result;
  }

  /** By `setState`. */
  protected override begun(observation: O): O {
    const own = ownObservation<O>(this.id, this.observationSpace, 'setState', observation);
    this.#phase = 'running';
    return own;
  }

  override step(action: ActionLike): StepResult<O> {
    if (this.#phase !== 'running') throw needsReset(this.id, this.#phase === 'ended' ? 'has ended' : undefined);
    checkAction(this.id, this.actionSpace, action);
    const result = soundStep<O>(this.id, this.observationSpace, this.inner.step(action));
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
