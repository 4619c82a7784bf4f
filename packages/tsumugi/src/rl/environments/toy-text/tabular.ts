// Tasks that are a table: for each state and action what may come of it, and how probably.
import { UserError } from '../../../base/index.ts';
import type { ActionLike, Info, StepResult } from '../../environment.ts';
import type { NumpyRandom } from '../../random/numpy-random.ts';
import type { Discrete } from '../../spaces/index.ts';
import { noOptions } from '../no-options.ts';
import { Task } from '../task.ts';

/** Probability, next state, reward, whether the task ends there. */
export type Transition = readonly [probability: number, next: number, reward: number, terminated: boolean];

/** [state][action] → what may come of it */
export type Transitions = readonly (readonly (readonly Transition[])[])[];

export abstract class TabularTask extends Task<number> {
  /** The model itself, for planning. */
  abstract readonly transitions: Transitions;
  abstract override readonly observationSpace: Discrete;
  abstract override readonly actionSpace: Discrete;
  /** The probability of each state at the start. */
  protected abstract readonly starts: readonly number[];
  protected state = 0;
  /** The last action of the episode, for pictures. */
  protected lastAction: number | null = null;

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>>): Info {
    noOptions(`${this.id}: reset`, options);
    this.state = rng.categorical(this.starts);
    this.lastAction = null;
    return this.told(1);
  }

  protected advance(action: ActionLike, rng: NumpyRandom): StepResult<number> {
    const outcomes = this.transitions[this.state]![action as number]!;
    const [probability, next, reward, terminated] = outcomes[rng.categorical(outcomes.map(([p]) => p))]!;
    this.lastAction = action as number;
    this.state = this.arrive(next, rng);
    return { observation: this.state, reward, terminated, truncated: false, info: this.told(probability) };
  }

  /** Where a step that should lead to `next` leads to. */
  protected arrive(next: number, _rng: NumpyRandom): number {
    return next;
  }

  protected told(probability: number): Info {
    return { prob: probability };
  }

  protected observation(): number {
    return this.state;
  }

  /** @param state its number */
  setState(state: unknown): number {
    if (!this.observationSpace.contains(state)) {
      throw new UserError(
        'bad-state',
        `${this.id}: a state is a point of ${this.observationSpace}, got ${String(state)}`,
        {
          remedy: 'Give setState() the number of a state.',
        },
      );
    }
    this.state = state;
    this.lastAction = null;
    return this.placed();
  }

  protected saveState(): unknown {
    return [this.state, this.lastAction];
  }

  protected loadState(state: unknown): void {
    [this.state, this.lastAction] = state as [number, number | null];
  }
}

/** All of the probability in one state. */
export const onlyAt = (state: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i === state ? 1 : 0));
