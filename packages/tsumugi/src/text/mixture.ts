// Taking rows from several sources by weight: every row goes to the source that is furthest behind its share, so after any
// number of rows each source has had its share to within one row, and nothing is left to chance.
import { ConfigError } from '../base/index.ts';

/** Where a row of the mixture comes from: row `row` of source `source`. */
export interface MixedRow {
  source: number;
  row: number;
}

/** A number of 16 bits tells where a row comes from. */
const MOST_SOURCES = 65_536;

export class Mixture {
  readonly #shares: number[];
  /** The source of each row so far, and how many rows each source has had. */
  #order = new Uint16Array(1024);
  #length = 0;
  readonly #counts: number[];
  /** For each row so far, its number within its source. */
  #rows = new Uint32Array(1024);

  /** @throws ConfigError when a weight is not positive, or there is none */
  constructor(weights: readonly number[]) {
    const wrong = weights.find((weight) => !(weight > 0 && Number.isFinite(weight)));
    if (weights.length === 0 || weights.length > MOST_SOURCES || wrong !== undefined)
      throw new ConfigError(
        'mixture-weight',
        wrong === undefined
          ? `a mixture needs 1 to ${MOST_SOURCES} sources, got ${weights.length}`
          : `a weight in a mixture should be above 0 but is ${wrong}`,
        { remedy: 'Give every source a weight above 0, or leave it out.' },
      );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.#shares = weights.map((weight) => weight / sum);
    this.#counts = weights.map(() => 0);
  }

  /** The place of row `index` (from 0). */
  at(index: number): MixedRow {
    while (this.#length <= index) this.#append();
    return { source: this.#order[index]!, row: this.#rows[index]! };
  }

  /** Of the first `rows` rows, how many come from each source. */
  counts(rows: number): number[] {
    const found = this.#shares.map(() => 0);
    for (let index = 0; index < rows; index++) found[this.at(index).source]!++;
    return found;
  }

  #append(): void {
    if (this.#length === this.#order.length) {
      const [order, rows] = [new Uint16Array(2 * this.#length), new Uint32Array(2 * this.#length)];
      order.set(this.#order);
      rows.set(this.#rows);
      this.#order = order;
      this.#rows = rows;
    }
    let furthest = 0;
    const behind = (source: number) => this.#shares[source]! * (this.#length + 1) - this.#counts[source]!;
    for (let source = 1; source < this.#shares.length; source++)
      if (behind(source) > behind(furthest)) furthest = source;
    this.#order[this.#length] = furthest;
    this.#rows[this.#length++] = this.#counts[furthest]!++;
  }
}
