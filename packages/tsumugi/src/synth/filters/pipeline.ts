// Filters one after the other, and what each took away.
import { ConfigError } from '../../base/index.ts';
import { type Filter, KEEP, type Verdict } from './filter.ts';

export interface FilterCount {
  name: string;
  /** How many texts came to it: those that the filters before it kept. */
  seen: number;
  dropped: number;
}

/** A filter made of filters: the first that drops a text decides. It counts as it goes. */
export class FilterPipeline implements Filter {
  readonly name = 'pipeline';
  readonly #steps: { filter: Filter; count: FilterCount }[];

  constructor(filters: readonly Filter[]) {
    this.#steps = filters.map((filter) => ({ filter, count: { name: filter.name, seen: 0, dropped: 0 } }));
    const twice = filters.find(({ name }, i) => filters.findIndex((other) => other.name === name) < i);
    if (twice)
      throw new ConfigError('bad-option', `FilterPipeline: two filters are named "${twice.name}"`, {
        remedy: 'Give each filter a name of its own, by which it is counted.',
      });
  }

  /** The reason begins with the filter's name. */
  judge(text: string): Verdict {
    for (const { filter, count } of this.#steps) {
      count.seen++;
      const verdict = filter.judge(text);
      if (verdict.keep) continue;
      count.dropped++;
      return { keep: false, reason: `${filter.name}: ${verdict.reason}` };
    }
    return KEEP;
  }

  /** The texts that all filters keep, as they come. */
  *keep(texts: Iterable<string>): Generator<string, void> {
    for (const text of texts) if (this.judge(text).keep) yield text;
  }

  get counts(): FilterCount[] {
    return this.#steps.map(({ count }) => ({ ...count }));
  }
}
