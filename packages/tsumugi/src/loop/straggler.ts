// A rank that takes longer than the others: all wait for it in every step.
import { type Mesh, rankName } from '../mesh/index.ts';

/** A rank is one when it takes this much longer than the middle one. Our choice. */
const muchLonger = 1.3;
/** And by seconds that a person would want back. Our choice. */
const worthwhile = 0.05;
/** Of a step in the running mean: about the latest ten steps count, so that one slow moment names nobody. */
const share = 0.1;

export class Stragglers {
  readonly #hosts: readonly string[];
  /** Seconds that each rank takes for what it does itself in a step, in the mean. */
  #means: number[] | undefined;

  constructor({ hosts }: Pick<Mesh, 'hosts'>) {
    this.#hosts = hosts;
  }

  /**
   * After a step: names the slowest rank for the progress line, when it holds up the others.
   *
   * @param seconds of each rank, without those in which it waited for others
   */
  note(seconds: readonly number[]): string | undefined {
    const before = this.#means;
    this.#means = seconds.map((each, rank) => (before ? before[rank]! + share * (each - before[rank]!) : each));
    const sorted = [...this.#means].sort((a, b) => a - b);
    const middle = sorted[(sorted.length - 1) >> 1]!;
    const slowest = sorted.at(-1)!;
    if (slowest < muchLonger * middle || slowest - middle < worthwhile) return undefined;
    const rank = this.#means.indexOf(slowest);
    return `${rankName({ hosts: this.#hosts }, rank)} is slow (${slowest.toFixed(2)} s, others ${middle.toFixed(2)} s)`;
  }
}
