// The order of the items of a data set over all epochs: each is shuffled by itself, and one follows the other without a gap.
import { deriveSeed, RandomStream } from '../base/index.ts';

export class EpochOrder {
  readonly #length: number;
  readonly #seed: number;
  /** Those of the latest places. */
  #epochs: { number: number; order: Uint32Array }[] = [];

  /** @param length items, at least one */
  constructor(length: number, seed: number) {
    this.#length = length;
    this.#seed = seed;
  }

  /** The item at a place (from 0, without end), the same in whatever order places are asked for. */
  at(place: number): number {
    return this.#epoch(Math.floor(place / this.#length))[place % this.#length]!;
  }

  #epoch(number: number): Uint32Array {
    const known = this.#epochs.find((epoch) => epoch.number === number);
    if (known) return known.order;
    const random = new RandomStream(deriveSeed(this.#seed, 'examples', number));
    const order = random.shuffle(Uint32Array.from({ length: this.#length }, (_, i) => i));
    this.#epochs = [...this.#epochs.slice(-1), { number, order }];
    return order;
  }
}
