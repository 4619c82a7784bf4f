// Sticky actions (Machado et al. 2018, "Revisiting the Arcade Learning Environment"): the world at times misses a new action.
import { checkNumber } from '../../base/index.ts';
import type { ActionLike, Environment, Observation, ResetOptions, ResetResult, StepResult } from '../environment.ts';
import { OwnStream } from './own-stream.ts';
import { Wrapper } from './wrapper.ts';

/** With this probability (0.25 in the paper) the action of the step before is repeated in place of the one that is given. */
export class StickyActions<O extends Observation = Observation> extends Wrapper<O> {
  readonly probability: number;
  readonly #random = new OwnStream('sticky-actions');
  #last: ActionLike | undefined;

  constructor(inner: Environment<O>, probability = 0.25) {
    super(inner);
    this.probability = checkNumber('StickyActions', 'probability', probability, { min: 0, below: 1 });
  }

  override reset(options: ResetOptions = {}): ResetResult<O> {
    this.#random.reset(options.seed);
    return super.reset(options);
  }

  protected override begun(observation: O): O {
    this.#last = undefined;
    return observation;
  }

  override step(action: ActionLike): StepResult<O> {
    const sticks = this.#last !== undefined && this.#random.stream.next() < this.probability;
    const made = sticks ? this.#last! : action;
    const result = this.inner.step(made);
    this.#last = typeof made === 'number' ? made : Array.from(made);
    return result;
  }

  protected override memory(): unknown {
    return { random: this.#random.state, last: this.#last ?? null };
  }

  protected override remember(memory: unknown): void {
    const { random, last } = memory as { random: number[] | null; last: number | number[] | null };
    this.#random.state = random;
    this.#last = last ?? undefined;
  }
}
