// Episodes begin after a random number of steps that do nothing (Mnih et al. 2015): otherwise all begin alike.
import { checkNumber } from '../../base/index.ts';
import type { Environment, Observation, ResetOptions, ResetResult } from '../environment.ts';
import { OwnStream } from './own-stream.ts';
import { buttonsOf } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

/** From 1 to `most` steps with the first action, which does nothing. Where an episode ends meanwhile, the next is begun. */
export class NoopReset<O extends Observation = Observation> extends Wrapper<O> {
  readonly most: number;
  readonly #noop: number;
  readonly #random = new OwnStream('noop-reset');

  constructor(inner: Environment<O>, most = 30) {
    super(inner);
    this.most = checkNumber('NoopReset', 'most', most, { min: 1, whole: true });
    this.#noop = buttonsOf('NoopReset', inner).start;
  }

  override reset(options: ResetOptions = {}): ResetResult<O> {
    this.#random.reset(options.seed);
    let { observation, info } = this.inner.reset(options);
    const again = options.options ? { options: options.options } : {};
    for (let left = 1 + this.#random.stream.below(this.most); left > 0; left--) {
      const result = this.inner.step(this.#noop);
      ({ observation, info } = result.terminated || result.truncated ? this.inner.reset(again) : result);
    }
    return { observation: this.begun(observation), info };
  }

  protected override memory(): unknown {
    return this.#random.state;
  }

  protected override remember(memory: unknown): void {
    this.#random.state = memory as number[] | null;
  }
}
