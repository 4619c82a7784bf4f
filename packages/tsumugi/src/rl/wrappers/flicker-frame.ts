// Frames go black at times (Hausknecht and Stone 2015, "Deep Recurrent Q-Learning for Partially Observable MDPs"): one frame no
// longer tells the state, a memory is needed.
import { checkNumber } from '../../base/index.ts';
import type { Environment, ResetOptions, ResetResult } from '../environment.ts';
import { OwnStream } from './own-stream.ts';
import { boxOf, type Pixels } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

type Array = Pixels | Float32Array;

export class FlickerFrame<O extends Array = Pixels> extends Wrapper<O> {
  readonly probability: number;
  readonly #random = new OwnStream('flicker-frame');

  constructor(inner: Environment<O>, probability = 0.5) {
    super(inner);
    boxOf('FlickerFrame', inner);
    this.probability = checkNumber('FlickerFrame', 'probability', probability, { min: 0, max: 1 });
  }

  override reset(options: ResetOptions = {}): ResetResult<O> {
    this.#random.reset(options.seed);
    return super.reset(options);
  }

  protected override observe(frame: O): O {
    if (this.#random.stream.next() >= this.probability) return frame;
    return new (frame.constructor as new (length: number) => O)(frame.length);
  }

  protected override memory(): unknown {
    return this.#random.state;
  }

  protected override remember(memory: unknown): void {
    this.#random.state = memory as number[] | null;
  }
}
