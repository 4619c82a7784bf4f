// The random numbers of a wrapper: a stream of its own, seeded with the environment's seed.
import { randomInt } from 'node:crypto';
import { deriveSeed, RandomStream } from '../../base/index.ts';

export class OwnStream {
  readonly #label: string;
  #stream: RandomStream | undefined;

  /** @param label what the numbers are for: wrappers of one environment draw different ones */
  constructor(label: string) {
    this.#label = label;
  }

  /** At every `reset`; without a seed the stream goes on. */
  reset(seed: number | undefined): void {
    if (seed !== undefined) this.#stream = new RandomStream(deriveSeed(seed, this.#label));
  }

  get stream(): RandomStream {
    this.#stream ??= new RandomStream(randomInt(2 ** 32));
    return this.#stream;
  }

  get state(): number[] | null {
    return this.#stream?.state ?? null;
  }

  set state(state: number[] | null) {
    this.#stream = state ? new RandomStream(state) : undefined;
  }
}
