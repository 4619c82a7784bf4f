// Games that stand still until a button is pressed are begun with it.
import { UserError } from '../../base/index.ts';
import type { Environment, Observation, ResetOptions, ResetResult } from '../environment.ts';
import { buttonsOf } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

/** Whether the game has a button to begin with. */
export const hasFire = (environment: Environment): boolean => environment.actionMeanings?.[1] === 'FIRE';

/** Makes the second action, "FIRE", and the third after every reset. Where one of them ends the episode, it is begun again. */
export class FireReset<O extends Observation = Observation> extends Wrapper<O> {
  readonly #buttons: readonly [number, number];

  constructor(inner: Environment<O>) {
    super(inner);
    const { start, n } = buttonsOf('FireReset', inner);
    if (!hasFire(inner) || n < 3)
      throw new UserError('no-fire', `FireReset is for games whose second action is FIRE, ${inner.id} has none`, {
        remedy: 'Leave fireReset out.',
      });
    this.#buttons = [start + 1, start + 2];
  }

  override reset(options: ResetOptions = {}): ResetResult<O> {
    let begun = this.inner.reset(options);
    const again = options.options ? { options: options.options } : {};
    for (const button of this.#buttons) {
      const result = this.inner.step(button);
      begun = result.terminated || result.truncated ? this.inner.reset(again) : result;
    }
    return { observation: this.begun(begun.observation), info: begun.info };
  }
}
