// What is drawn by priority: places with a number each, which is 0 while a place is empty or drawn and not judged yet.
import { invariant, type RandomStream } from '../../base/index.ts';
import { MinTree, SumTree } from './sum-tree.ts';

export interface Drawn {
  places: Int32Array;
  /** With which each was drawn: its share of all priorities, as they were before the draw. */
  probabilities: number[];
  /** The least of all. */
  least: number;
}

export class Priorities {
  readonly #sums: SumTree;
  readonly #least: MinTree;
  #max: number;
  #waiting: Int32Array | undefined;
  /** Priorities of what was drawn last, as they were. */
  #before: number[] = [];
  readonly #size: number;

  /** @param max priority of what was never judged, until a higher one is seen */
  constructor(size: number, max = 1) {
    this.#size = size;
    this.#max = max;
    this.#sums = new SumTree(size);
    this.#least = new MinTree(size);
  }

  /** @param priority the highest so far when left out */
  put(place: number, priority = this.#max): void {
    this.#sums.set(place, priority);
    this.#least.set(place, priority);
  }

  remove(place: number): void {
    this.#sums.set(place, 0);
    this.#least.set(place, Infinity);
  }

  /**
   * Draws places, each at most once: what is drawn counts 0 until `judge`.
   *
   * @param uniform a share of the draws that is uniform over these places instead; they come first
   */
  draw(size: number, rng: RandomStream, uniform?: { share: number; places: readonly number[] }): Drawn {
    invariant(this.#waiting === undefined, 'what was drawn before was judged');
    const total = this.#sums.sum;
    const least = this.#least.min / total;
    const places = new Int32Array(size);
    const priorities: number[] = [];
    const take = (place: number) => {
      places[priorities.length] = place;
      priorities.push(this.#sums.get(place));
      this.#sums.set(place, 0);
    };
    if (uniform && uniform.share > 0) {
      let count = 0;
      for (let i = 0; i < size; i++) if (rng.next() < uniform.share) count++;
      const left = [...uniform.places];
      for (let i = 0; i < count; i++) take(left.splice(rng.below(left.length), 1)[0]!);
    }
    while (priorities.length < size) take(this.#sums.find(rng.next() * this.#sums.sum));
    this.#waiting = places;
    this.#before = priorities;
    const mixed = (share: number) =>
      uniform ? uniform.share / uniform.places.length + (1 - uniform.share) * share : share;
    return { places, probabilities: priorities.map((priority) => mixed(priority / total)), least: mixed(least) };
  }

  /** Puts back what was drawn last with the priorities that it had. */
  putBack(): void {
    this.judge(this.#before);
  }

  /** Gives what was drawn last its new priorities, in its order. */
  judge(priorities: readonly number[]): void {
    const places = this.#waiting;
    invariant(places?.length === priorities.length, 'a priority for each that was drawn');
    priorities.forEach((priority, i) => {
      invariant(priority > 0, `a priority above 0, got ${priority}`);
      this.put(places![i]!, priority);
      if (priority > this.#max) this.#max = priority;
    });
    this.#waiting = undefined;
  }

  /** Between draws: the priorities by place, and the highest. */
  get state(): { leaves: Float64Array; max: number } {
    return { leaves: this.#sums.leaves(this.#size), max: this.#max };
  }

  set state({ leaves, max }: { leaves: Float64Array; max: number }) {
    this.#sums.load(leaves);
    this.#least.load(leaves.map((priority) => (priority === 0 ? Infinity : priority)));
    this.#max = max;
    this.#waiting = undefined;
  }
}
