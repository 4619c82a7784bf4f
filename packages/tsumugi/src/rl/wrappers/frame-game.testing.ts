// A small game of pictures for tests: every step of it can be told from its frame.
import type { ActionLike, Environment, ResetOptions, StepResult } from '../environment.ts';
import { Box, Discrete } from '../spaces/index.ts';

/** Frames of 6 × 4: red is the frame's number, green the action, blue the seed and later episodes. */
export class FrameGame implements Environment<Uint8Array> {
  readonly id = 'FrameGame-v0';
  readonly observationSpace = new Box(0, 255, [4, 6, 3], 'uint8');
  readonly actionSpace = new Discrete(4);
  readonly actionMeanings: readonly string[];
  /** Every action that came, in order; −1 for a reset. */
  readonly log: number[] = [];
  readonly #lifeFrames: number;
  #seed = 0;
  #frame = 0;

  /** @param lifeFrames frames that a life lasts; there are three */
  constructor(lifeFrames = 1000, meanings = ['NOOP', 'FIRE', 'UP', 'DOWN']) {
    this.#lifeFrames = lifeFrames;
    this.actionMeanings = meanings;
  }

  get #lives(): number {
    return Math.max(0, 3 - Math.floor(this.#frame / this.#lifeFrames));
  }

  #picture(action: number): Uint8Array {
    return Uint8Array.from({ length: 72 }, (_, i) => [this.#frame % 256, action, this.#seed % 256][i % 3]!);
  }

  reset({ seed }: ResetOptions = {}) {
    this.#seed = seed ?? this.#seed + 1;
    this.#frame = 0;
    this.log.push(-1);
    return { observation: this.#picture(0), info: { lives: this.#lives } };
  }

  step(action: ActionLike): StepResult<Uint8Array> {
    this.#frame++;
    this.log.push(action as number);
    const terminated = this.#lives === 0;
    const info = { lives: this.#lives };
    return { observation: this.#picture(action as number), reward: this.#frame, terminated, truncated: false, info };
  }

  snapshot(): unknown {
    return [this.#seed, this.#frame];
  }

  restore(snapshot: unknown): void {
    [this.#seed, this.#frame] = snapshot as [number, number];
  }

  [Symbol.dispose](): void {}
}

/** The first pixel of a frame [height, width, 3]. */
export const pixel = (frame: ArrayLike<number>): number[] => [frame[0]!, frame[1]!, frame[2]!];
