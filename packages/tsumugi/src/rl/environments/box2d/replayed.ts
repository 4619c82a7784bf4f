// An environment whose physics cannot be written down: contacts and joints remember impulses that nothing gives out. What
// has a state that can be is how the episode came about, the random stream at its start and its actions, and physics in
// JavaScript gives the same bits for the same calls. So a snapshot holds those, and going on from it plays them again.
import { isObject, UserError } from '../../../base/index.ts';
import type { Action, ActionLike, Info, StepResult } from '../../environment.ts';
import { NumpyRandom, type Pcg64State } from '../../random/numpy-random.ts';
import { noOptions } from '../no-options.ts';
import { NO_INFO, Task } from '../task.ts';

export abstract class ReplayedTask extends Task<Float32Array> {
  #start: Pcg64State | undefined;
  #actions: Action[] = [];
  #observation: Float32Array = new Float32Array(0);

  /** Builds the world anew. */
  protected abstract build(rng: NumpyRandom): void;
  /** The step with which an episode begins: nothing is done. */
  protected abstract rest(): Action;
  protected abstract move(action: Action, rng: NumpyRandom): StepResult<Float32Array>;

  protected begin(rng: NumpyRandom, options: Readonly<Record<string, unknown>> = {}): Info {
    noOptions(`${this.id}: reset`, options);
    this.#start = rng.state;
    this.#actions = [];
    this.build(rng);
    this.#observation = this.move(this.rest(), rng).observation;
    return NO_INFO;
  }

  protected advance(action: ActionLike, rng: NumpyRandom): StepResult<Float32Array> {
    const taken = typeof action === 'number' ? action : Float32Array.from(action);
    this.#actions.push(taken);
    const result = this.move(taken, rng);
    this.#observation = result.observation;
    return result;
  }

  protected observation(): Float32Array {
    return this.#observation.slice();
  }

  protected saveState(): unknown {
    const actions = this.#actions.map((action) => (typeof action === 'number' ? action : [...action]));
    return { start: this.#start ?? null, actions };
  }

  protected loadState(state: unknown): void {
    const { start, actions } = isObject(state) ? state : {};
    if (start === undefined || !Array.isArray(actions)) {
      throw new UserError('bad-snapshot', `${this.id}: what is restored is a snapshot of ${this.id}`, {
        remedy: 'Give restore() what snapshot() of an environment of the same kind gave.',
      });
    }
    if (start === null) return;
    const rng = new NumpyRandom(start as Pcg64State);
    this.begin(rng);
    for (const action of actions as ActionLike[]) this.advance(action, rng);
  }
}
