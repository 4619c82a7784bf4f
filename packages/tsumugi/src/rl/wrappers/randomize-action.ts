// Actions of chance among those of the agent.
import { checkNumber, deriveSeed, RandomStream } from '../../base/index.ts';
import type { ActionLike, Environment, Observation, ResetOptions, ResetResult, StepResult } from '../environment.ts';
import { checkAction } from '../order.ts';
import { Wrapper } from './wrapper.ts';

/** With this probability a random action is taken in place of the given one. The seed of `reset` seeds its stream, too. */
export class RandomizeAction<O extends Observation = Observation> extends Wrapper<O> {
  readonly probability: number;
  #rng: RandomStream;

  /** @param seed of the stream, until a `reset` brings one */
  constructor(inner: Environment<O>, probability: number, seed = 0) {
    super(inner);
    this.probability = checkNumber('RandomizeAction', 'probability', probability, { min: 0, max: 1 });
    this.#rng = new RandomStream(deriveSeed(seed, 'randomize-action'));
  }

  override reset(options: ResetOptions = {}): ResetResult<O> {
    if (options.seed !== undefined) this.#rng = new RandomStream(deriveSeed(options.seed, 'randomize-action'));
    return super.reset(options);
  }

  override step(action: ActionLike): StepResult<O> {
    if (this.#rng.next() >= this.probability) return this.inner.step(action);
    // What is no action is a mistake, also where it would not be taken.
    checkAction(this.id, this.actionSpace, action);
    return this.inner.step(this.actionSpace.sample(this.#rng));
  }

  protected override memory(): unknown {
    return this.#rng.state;
  }

  protected override remember(memory: unknown): void {
    this.#rng = new RandomStream(memory as number[]);
  }
}
