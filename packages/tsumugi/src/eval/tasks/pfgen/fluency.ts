// Fluency: how much of what the reference texts say, in their words, an answer says by its first hundred or so characters.
import { ABSENT, MAX_N, type NgramTable, ROOT } from './ngram-table.ts';

/** Characters of an answer that are looked at: the benchmark cuts `^answer$` to 202, and its bounds leave out both ends. */
const LENGTH = 200;

/** 1 up to index 100, then falling to 0 at 150 and below it beyond. */
export function discount(index: number): number {
  return 1 - Math.max(index - 100, 0) / 50;
}

/** Scores answers by one group's table. Holds the marks of the n-grams an answer has had, so it is made once for a group. */
export class FluencyScorer {
  readonly #table: NgramTable;
  /** For each n-gram, the last answer (counted from 1) it was met in. */
  readonly #metIn: Uint32Array;
  #answers = 0;

  constructor(table: NgramTable) {
    this.#table = table;
    this.#metIn = new Uint32Array(table.size);
  }

  /**
   * The best of S(m) · discount(m) / baseline over the prefixes of m ≥ 1 characters, or 0. S(m) is the sum of the counts of the
   * distinct n-grams in the prefix.
   *
   * @param codePoints of the answer
   */
  score(codePoints: ArrayLike<number>, baseline: number): number {
    const table = this.#table;
    const metIn = this.#metIn;
    const answer = ++this.#answers;
    const length = Math.min(codePoints.length, LENGTH);
    /** The n-grams that end at the character before, by the character they start at. */
    const nodes = new Int32Array(length).fill(ROOT);
    let [total, best] = [0, 0];
    for (let end = 0; end < length; end++) {
      const symbol = table.symbol(codePoints[end]!);
      for (let start = Math.max(0, end - MAX_N + 1); start <= end; start++) {
        if (nodes[start] === ABSENT) continue;
        const node = table.next(nodes[start]!, symbol);
        nodes[start] = node;
        if (node === ABSENT || metIn[node] === answer) continue;
        metIn[node] = answer;
        total += table.count(node);
      }
      const value = (total * discount(end + 1)) / baseline;
      if (value > best) best = value;
    }
    return best;
  }

  /** The mean score of the group's own texts: what other scores are divided by. */
  baseline(texts: readonly ArrayLike<number>[]): number {
    let total = 0; // a plain sum, as in the benchmark
    for (const text of texts) total += this.score(text, 1);
    return total / texts.length;
  }
}
