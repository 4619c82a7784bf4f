// Environments for tests of vectors: registered by this module, which threads load too.
import type { ActionLike, Environment, Observation, ResetOptions, StepResult } from '../environment.ts';
import { registerEnvironment } from '../registry.ts';
import { Box, Discrete, type Space } from '../spaces/index.ts';
import { FrameGame } from '../wrappers/frame-game.testing.ts';

export const worlds = import.meta.url;

export interface WorldOptions {
  /** What `step` does at action 9. */
  fault?: 'throw' | 'exit' | 'hang' | 'shape';
  /** What making it does. */
  making?: 'throw' | 'exit';
  observations?: 'number' | 'float32' | 'float64' | 'uint8';
  /** A `Box` in place of numbers. */
  arrays?: boolean;
  /** Whether it tells something at every step. */
  tells?: boolean;
  /** Whether it has no snapshots. */
  forgets?: boolean;
}

const kinds = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array };

/** A walk: its place grows by the action and a drawn number, and the episode ends beyond 20. */
class World implements Environment {
  readonly id = 'World-v0';
  readonly observationSpace: Space;
  readonly actionSpace: Space;
  readonly snapshot?: () => unknown;
  readonly restore?: (snapshot: unknown) => void;
  readonly #options: WorldOptions;
  #state = 0;
  #place = 0;

  constructor(options: WorldOptions) {
    if (options.making === 'throw') throw new Error('no such world');
    if (options.making === 'exit') process.exit(3);
    this.#options = options;
    const { observations = 'float32', arrays, forgets } = options;
    this.observationSpace = observations === 'number' ? new Discrete(1000) : new Box(0, 255, [3], observations);
    this.actionSpace = arrays ? new Box(-10, 10, [2]) : new Discrete(10);
    if (forgets) return;
    this.snapshot = () => [this.#state, this.#place];
    this.restore = (snapshot) => {
      [this.#state, this.#place] = snapshot as [number, number];
    };
  }

  #draw(): number {
    this.#state = (this.#state * 1103515245 + 12345) % 2147483648;
    return this.#state % 5;
  }

  #seen: () => Observation = () => {
    const { observations = 'float32' } = this.#options;
    if (observations === 'number') return this.#place;
    return kinds[observations].of(this.#place, this.#state % 251, 1);
  };

  reset({ seed }: ResetOptions = {}) {
    if (seed !== undefined) this.#state = seed;
    this.#place = this.#draw();
    return { observation: this.#seen(), info: {} };
  }

  step(action: ActionLike): StepResult {
    const amount = typeof action === 'number' ? action : action[0]! + action[1]!;
    if (amount === 9) this.#fail();
    this.#place += Math.abs(amount) + this.#draw();
    const terminated = this.#place > 20;
    const truncated = this.#place % 7 === 0;
    const info = this.#options.tells ? { place: this.#place, words: ['so', 'far'] } : {};
    return { observation: this.#seen(), reward: this.#place / 3, terminated, truncated, info };
  }

  #fail(): void {
    const { fault } = this.#options;
    if (fault === 'throw') throw new Error('the world broke');
    if (fault === 'exit') process.exit(1);
    if (fault === 'shape') this.#seen = () => Float32Array.of(1);
    while (fault === 'hang');
  }

  [Symbol.dispose](): void {}
}

registerEnvironment('World-v0', { make: (options) => new World(options as WorldOptions) });
registerEnvironment('Frames-v0', { make: () => new FrameGame(20) });
