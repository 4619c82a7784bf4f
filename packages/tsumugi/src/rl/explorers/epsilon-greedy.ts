// ε-greedy: a random action of the space with probability ε, which stays or falls over the steps of the training.
import { checkNumber, type RandomStream } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import type { Action } from '../environment.ts';
import type { Space } from '../spaces/index.ts';
import { checkProbability, type Explorer } from './explorer.ts';

abstract class EpsilonGreedy implements Explorer {
  readonly #space: Space;
  readonly #rng: RandomStream;

  protected constructor(space: Space, rng: RandomStream) {
    this.#space = space;
    this.#rng = rng;
  }

  /** ε after `t` steps. */
  abstract epsilon(t: number): number;

  select(t: number, _environment: number, greedy: Action): Action {
    return this.#rng.next() < this.epsilon(t) ? this.#space.sample(this.#rng) : greedy;
  }

  state(): State {
    return this.#rng.state;
  }

  loadState(state: State): void {
    this.#rng.state = state as number[];
  }
}

export class ConstantEpsilonGreedy extends EpsilonGreedy {
  readonly #epsilon: number;

  constructor(epsilon: number, space: Space, rng: RandomStream) {
    super(space, rng);
    this.#epsilon = checkProbability('ConstantEpsilonGreedy', 'epsilon', epsilon);
  }

  epsilon(): number {
    return this.#epsilon;
  }
}

/** ε(t) = start + (end − start) · t / steps, and `end` from then on. */
export class LinearDecayEpsilonGreedy extends EpsilonGreedy {
  readonly #start: number;
  readonly #end: number;
  readonly #steps: number;

  constructor({ start, end, steps }: { start: number; end: number; steps: number }, space: Space, rng: RandomStream) {
    super(space, rng);
    this.#start = checkProbability('LinearDecayEpsilonGreedy', 'start', start);
    this.#end = checkProbability('LinearDecayEpsilonGreedy', 'end', end);
    this.#steps = checkNumber('LinearDecayEpsilonGreedy', 'steps', steps, { min: 1, whole: true });
  }

  epsilon(t: number): number {
    return t >= this.#steps ? this.#end : this.#start + ((this.#end - this.#start) * t) / this.#steps;
  }
}
