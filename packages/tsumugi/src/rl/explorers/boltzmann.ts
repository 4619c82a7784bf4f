// Boltzmann exploration: actions are drawn from softmax(Q / T).
import { checkNumber, invariant, type RandomStream } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import type { Action } from '../environment.ts';
import type { Discrete } from '../spaces/index.ts';
import type { Explorer } from './explorer.ts';

export class Boltzmann implements Explorer {
  readonly #temperature: number;
  readonly #start: number;
  readonly #rng: RandomStream;

  constructor(temperature: number, space: Discrete, rng: RandomStream) {
    this.#temperature = checkNumber('Boltzmann', 'temperature', temperature, { above: 0 });
    this.#start = space.start;
    this.#rng = rng;
  }

  select(_t: number, _environment: number, _greedy: Action, values?: ArrayLike<number>): Action {
    invariant(values, 'Boltzmann exploration needs the values of the actions');
    let highest = -Infinity;
    for (let a = 0; a < values.length; a++) highest = Math.max(highest, values[a]!);
    const weights = Array.from(values, (value) => Math.exp((value - highest) / this.#temperature));
    let rest = this.#rng.next() * weights.reduce((sum, weight) => sum + weight, 0);
    for (let a = 0; a < weights.length - 1; a++) {
      rest -= weights[a]!;
      if (rest < 0) return this.#start + a;
    }
    return this.#start + weights.length - 1;
  }

  state(): State {
    return this.#rng.state;
  }

  loadState(state: State): void {
    this.#rng.state = state as number[];
  }
}
