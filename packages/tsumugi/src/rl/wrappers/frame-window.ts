// The last frames of an episode as one array, without copying them at every step: frames are written one after the other into
// a long block, and a window is a view of some that follow each other. What was handed out is never written again.
import type { Observation } from '../environment.ts';

type Frames = Exclude<Observation, number>;

/** Frames of a block, at least; the last ones of a full block are copied into the next. */
const BLOCK = 64;

export class FrameWindow {
  readonly #count: number;
  readonly #capacity: number;
  #block: Frames | undefined;
  /** Frames that are in the block. */
  #end = 0;

  /** @param count of frames in a window */
  constructor(count: number) {
    this.#count = count;
    this.#capacity = Math.max(BLOCK, 8 * count);
  }

  /** An episode begins: the window is full of its first frame. */
  begin(frame: Frames): Frames {
    if (!this.#block || this.#end + this.#count > this.#capacity) this.#renew(frame);
    for (let i = 0; i < this.#count; i++) this.#write(frame);
    return this.#window(frame.length);
  }

  /** The window after one more frame. */
  push(frame: Frames): Frames {
    if (this.#end === this.#capacity) {
      const kept = this.#window(frame.length).subarray(frame.length);
      this.#renew(frame);
      this.#block!.set(kept);
      this.#end = this.#count - 1;
    }
    this.#write(frame);
    return this.#window(frame.length);
  }

  /** The present window; undefined before the first episode. */
  current(size: number): Frames | undefined {
    return this.#block && this.#window(size);
  }

  /** Goes on from a window. */
  restore(window: Frames | undefined): void {
    this.#block = undefined;
    this.#end = 0;
    if (!window) return;
    const size = window.length / this.#count;
    this.#renew(window.subarray(0, size));
    this.#block!.set(window);
    this.#end = this.#count;
  }

  #renew(like: Frames): void {
    this.#block = new (like.constructor as new (length: number) => Frames)(this.#capacity * like.length);
    this.#end = 0;
  }

  #write(frame: Frames): void {
    this.#block!.set(frame, this.#end * frame.length);
    this.#end++;
  }

  #window(size: number): Frames {
    return this.#block!.subarray((this.#end - this.#count) * size, this.#end * size);
  }
}
