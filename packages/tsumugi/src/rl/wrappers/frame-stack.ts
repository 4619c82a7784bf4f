// The last frames as one observation (Mnih et al. 2015): one frame shows no movement.
import { checkNumber } from '../../base/index.ts';
import type { Environment, Observation } from '../environment.ts';
import { observationFromJson, observationToJson } from '../observation-json.ts';
import { Box } from '../spaces/index.ts';
import { FrameWindow } from './frame-window.ts';
import { boxOf } from './pixels.ts';
import { Wrapper } from './wrapper.ts';

type Frames = Exclude<Observation, number>;

/** The space of `count` points of `box` along the first axis: [C, H, W] becomes [count · C, H, W]. */
export function stackedBox(box: Box, count: number): Box {
  const [first = 1, ...rest] = box.shape;
  const repeated = (bounds: Float64Array) => Array.from({ length: count }, () => [...bounds]).flat();
  return new Box(repeated(box.low), repeated(box.high), [count * first, ...rest], box.dtype);
}

/** The oldest frame is first. An episode begins with as many copies of its first frame. */
export class FrameStack<O extends Frames = Frames> extends Wrapper<O> {
  readonly count: number;
  readonly #window: FrameWindow;
  readonly #size: number;

  constructor(inner: Environment<O>, count = 4) {
    const box = boxOf('FrameStack', inner);
    super(inner, { observation: stackedBox(box, checkNumber('FrameStack', 'count', count, { min: 1, whole: true })) });
    this.count = count;
    this.#window = new FrameWindow(count);
    this.#size = box.low.length;
  }

  protected override begun(frame: O): O {
    return this.#window.begin(frame) as O;
  }

  protected override observe(frame: O): O {
    return this.#window.push(frame) as O;
  }

  protected override memory(): unknown {
    const window = this.#window.current(this.#size);
    return window ? observationToJson(window) : null;
  }

  protected override remember(memory: unknown): void {
    this.#window.restore(memory === null ? undefined : (observationFromJson(memory) as Frames));
  }
}
