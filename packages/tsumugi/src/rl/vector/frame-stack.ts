// The last frames of each environment of a vector as one observation. Around the vector instead of in each environment, so
// that a thread hands over one frame for a step and not all of them.
import { checkNumber } from '../../base/index.ts';
import type { ActionLike, Observation, ResetOptions } from '../environment.ts';
import { observationFromJson, observationToJson } from '../observation-json.ts';
import type { Space } from '../spaces/index.ts';
import { stackedBox } from '../wrappers/frame-stack.ts';
import { FrameWindow } from '../wrappers/frame-window.ts';
import { boxOf } from '../wrappers/pixels.ts';
import type { VectorEnvironment, VectorStep } from './vector-environment.ts';

type Frames = Exclude<Observation, number>;

/** As `FrameStack` around each environment. Frames are copied, so a vector inside may lend its observations. */
export class VectorFrameStack implements VectorEnvironment {
  readonly id: string;
  readonly size: number;
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly snapshot?: () => unknown;
  readonly restore?: (snapshot: unknown) => Observation[];
  readonly #inner: VectorEnvironment;
  readonly #windows: readonly FrameWindow[];

  /** @param inner belongs to the stack from now on */
  constructor(inner: VectorEnvironment, count = 4) {
    const box = boxOf('VectorFrameStack', inner);
    checkNumber('VectorFrameStack', 'count', count, { min: 1, whole: true });
    this.id = inner.id;
    this.size = inner.size;
    this.observationSpace = stackedBox(box, count);
    this.actionSpace = inner.actionSpace;
    this.#inner = inner;
    this.#windows = Array.from({ length: inner.size }, () => new FrameWindow(count));
    if (!inner.snapshot || !inner.restore) return;
    const size = box.low.length;
    this.snapshot = () => ({
      inner: inner.snapshot!(),
      windows: this.#windows.map((window) => {
        const frames = window.current(size);
        return frames ? observationToJson(frames) : null;
      }),
    });
    this.restore = (snapshot) => this.#restore(snapshot as { inner: unknown; windows: unknown[] });
  }

  reset(options?: ResetOptions): Observation[] {
    return this.#inner.reset(options).map((frame, i) => this.#windows[i]!.begin(frame as Frames));
  }

  step(actions: readonly ActionLike[]): VectorStep {
    const { outcomes, observations, infos } = this.#inner.step(actions);
    for (const [i, outcome] of outcomes.entries()) {
      const window = this.#windows[i]!;
      outcome.next = window.push(outcome.next as Frames);
      const ended = outcome.terminated || outcome.truncated;
      observations[i] = ended ? window.begin(observations[i] as Frames) : outcome.next;
    }
    return { outcomes, observations, infos };
  }

  #restore({ inner, windows }: { inner: unknown; windows: unknown[] }): Observation[] {
    const observations = this.#inner.restore!(inner);
    const frames = windows.map((window) => (window === null ? undefined : (observationFromJson(window) as Frames)));
    for (const [i, window] of this.#windows.entries()) window.restore(frames[i]);
    return observations.length > 0 ? (frames as Frames[]) : [];
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }
}
