// For tests: a corridor to walk along, with and without snapshots, and a run folder.
import { join } from 'node:path';
import { RandomStream } from '../../base/index.ts';
import { temporaryFolder } from '../../images/images.testing.ts';
import type { ActionLike, Environment, Frame, ResetOptions, ResetResult, StepResult } from '../environment.ts';
import { registerEnvironment } from '../registry.ts';
import { Box, Discrete } from '../spaces/index.ts';
import './linear-q.testing.ts';
import { type RlConfig, type RlInput, rlConfig } from './train-config.ts';

/** Right leads to the end with its reward of 1, each step costs a little; now and then a step goes the other way. */
class Corridor implements Environment<Float32Array> {
  readonly id: string = 'Corridor-v0';
  readonly observationSpace = new Box(0, 1, [4]);
  readonly actionSpace = new Discrete(2);
  #stream = new RandomStream(0);
  #place = 0;

  #see(): Float32Array {
    const seen = new Float32Array(4);
    seen[this.#place] = 1;
    return seen;
  }

  reset({ seed }: ResetOptions = {}): ResetResult<Float32Array> {
    if (seed !== undefined) this.#stream = new RandomStream(seed);
    this.#place = 0;
    return { observation: this.#see(), info: {} };
  }

  step(action: ActionLike): StepResult<Float32Array> {
    const slips = this.#stream.next() < 0.1;
    const right = (action === 1) !== slips;
    this.#place = Math.max(0, this.#place + (right ? 1 : -1));
    const terminated = this.#place === 3;
    const reward = terminated ? 1 : -0.05;
    return { observation: this.#see(), reward, terminated, truncated: false, info: {} };
  }

  snapshot(): unknown {
    return { stream: this.#stream.state, place: this.#place };
  }

  restore(snapshot: unknown): void {
    const { stream, place } = snapshot as { stream: number[]; place: number };
    this.#stream = new RandomStream(stream);
    this.#place = place;
  }

  /** 8 × 4 pixels: where it stands is white. */
  render(): Frame {
    const data = new Uint8Array(8 * 4 * 3);
    for (let y = 0; y < 4; y++) data.fill(255, (y * 8 + this.#place * 2) * 3, (y * 8 + this.#place * 2 + 2) * 3);
    return { width: 8, height: 4, data };
  }

  [Symbol.dispose](): void {}
}

/** The same, of which nothing can be saved or drawn. */
class Bare implements Environment<Float32Array> {
  readonly id = 'BareCorridor-v0';
  readonly #inner = new Corridor();
  readonly observationSpace = this.#inner.observationSpace;
  readonly actionSpace = this.#inner.actionSpace;
  reset(options?: ResetOptions): ResetResult<Float32Array> {
    return this.#inner.reset(options);
  }
  step(action: ActionLike): StepResult<Float32Array> {
    return this.#inner.step(action);
  }
  [Symbol.dispose](): void {}
}

registerEnvironment('Corridor-v0', { make: () => new Corridor(), maxSteps: 50 });
registerEnvironment('BareCorridor-v0', { make: () => new Bare(), maxSteps: 50 });

export interface TinyRuns extends Disposable {
  at(...names: string[]): string;
  /** A complete config with a run folder of this name. */
  config(name: string, changes?: Partial<RlInput>): RlConfig;
}

export function tinyRuns(): TinyRuns {
  const folder = temporaryFolder();
  return {
    at: folder.at,
    config: (name, changes = {}) =>
      rlConfig.parse({
        environment: 'Corridor-v0',
        agent: 'linear-q',
        out: join(folder.path, name),
        steps: 300,
        evaluation: { interval: 100, episodes: 3 },
        logEvery: 50,
        checkpointEvery: 0,
        keepLast: 99,
        ...changes,
      }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** Takes what a run says, and nothing else. */
export const silent = { write: () => true };
