// What an explorer is: it turns the greedy action into the one that is taken.
import { checkNumber } from '../../base/index.ts';
import type { State } from '../../store/index.ts';
import type { Action } from '../environment.ts';

export interface Explorer {
  /**
   * @param t steps taken so far in all environments together
   * @param environment whose action it is
   * @param values of every action, where actions are discrete
   */
  select(t: number, environment: number, greedy: Action, values?: ArrayLike<number>): Action;
  /** Everything that its choices depend on. */
  state(): State;
  loadState(state: State): void;
}

/** Takes the greedy action: for networks with noise of their own, and for policies that are drawn from. */
export class Greedy implements Explorer {
  select(_t: number, _environment: number, greedy: Action): Action {
    return greedy;
  }

  state(): State {
    return null;
  }

  loadState(): void {}
}

export const checkProbability = (owner: string, name: string, value: number): number =>
  checkNumber(owner, name, value, { min: 0, max: 1 });
