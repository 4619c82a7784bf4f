// Which pairs are sentences that a small model can learn from. What is short, long, markup, a table or no Japanese is passed over. All
// numbers are our choice.
import { characterFilter, type FilterCount, FilterPipeline, japaneseFilter, lengthFilter } from 'tsumugi/synth';
import type { Pair } from './corpus.ts';

/** Marks of markup, of keys of menus, of places for values, of lines: what is left of a message is seldom a sentence. */
const marked = /[<>\\_&{}|%@\n\t`$]/;

export interface SentenceCounts {
  readonly english: readonly FilterCount[];
  readonly japanese: readonly FilterCount[];
  readonly marked: number;
  readonly words: number;
}

export class Sentences {
  readonly #english = new FilterPipeline([lengthFilter({ min: 12, max: 160 }), characterFilter({ symbols: 0.05 })]);
  readonly #japanese = new FilterPipeline([lengthFilter({ min: 5, max: 100 }), japaneseFilter({ kana: 0.2 })]);
  #marked = 0;
  #words = 0;

  keeps({ en, ja }: Pair): boolean {
    if (marked.test(en) || marked.test(ja)) {
      this.#marked++;
      return false;
    }
    if (en.trim().split(/\s+/).length < 3) {
      this.#words++;
      return false;
    }
    return this.#english.judge(en).keep && this.#japanese.judge(ja).keep;
  }

  get counts(): SentenceCounts {
    return {
      english: this.#english.counts,
      japanese: this.#japanese.counts,
      marked: this.#marked,
      words: this.#words,
    };
  }
}
